// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/checkpoints.h"
#include "campaign/execute_run.h"
#include "campaign/recorder.h"
#include "campaign/run_folder.h"
#include "campaign/surroundings.h"
#include "campaign/training.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <ctime>
#include <optional>
#include <string>

namespace backobs {

/// One run while it lasts: its training, its files, its checkpoints. What is neither committed nor covered by a
/// checkpoint disappears with it.
class RunInProgress final : public Checkpointing {
 public:
  RunInProgress(const std::string& campaign, const Run& run, const Registry& registry, const RunFolder& folder,
                const RunConditions& conditions);

  /// To its end, or to a request to stop: "done", "diverged" or "interrupted".
  std::string perform(TrainingObserver& progress);
  /// Closes the run as failed.
  void fail(const std::string& message, const std::string& at_work);
  /// Closes it without a trace; with a checkpoint from before, as that left it.
  void abandon();

  bool due() override { return Clock::now() >= next_checkpoint_; }
  void take(State state) override;
  bool stop() override;

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<State> find_checkpoint();
  std::string finish(const Training& training, const TrainingResult& result);
  void plan_checkpoint(double seconds);

  const Run& run_;
  const Registry& registry_;
  const RunFolder& folder_;
  RunConditions conditions_;
  Facts machine_, plugins_;
  Checkpoints checkpoints_;
  std::optional<State> resumed_;  ///< where this process begins; empty: at the beginning
  std::time_t started_;           ///< of the first process
  int64_t interruptions_ = 0;
  Clock::time_point clock_, next_checkpoint_;
  nlohmann::ordered_json record_;
  std::optional<GrowingFile> log_, metrics_;
  std::optional<Recorder> recorder_;
};

}  // namespace backobs
