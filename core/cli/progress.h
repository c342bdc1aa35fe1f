// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/observer.h"

#include <chrono>
#include <string>

namespace backobs {

/// A run's progress on stderr: one line that renews itself on a terminal, a line per evaluation elsewhere.
class Progress final : public TrainingObserver {
 public:
  /// `title` stands in front: "[3/8] fmnist_logreg sgd lr=0.1 seed=42".
  Progress(std::string title, int64_t epochs);
  ~Progress() override;

  void evaluated(const EpochEvaluation& evaluation, int64_t epoch, int64_t global) override;
  void step_done(const StepPosition& place, double loss, bool logged) override;
  /// The last word: "done", "diverged at epoch 0, step 3".
  void finish(const std::string& how);

 private:
  void draw(double share, const std::string& text);
  void clear();

  std::string title_;
  int64_t epochs_;
  int64_t steps_of_epoch_ = 0;  ///< as the epoch before had them; 0: not yet known
  int64_t steps_seen_ = 0;
  bool terminal_, drawn_ = false;
  std::string results_;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace backobs
