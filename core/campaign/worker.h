// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/attribution.h"
#include "host/child_process.h"
#include "campaign/plan.h"
#include "campaign/run_lock.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace backobs {

/// The arguments that make a process perform one run, given the descriptor of its shared position.
using RunCommand = std::function<std::vector<std::string>(const Run&, int position)>;

/// One run's process, as its parent sees it. It holds the run's lock, and so does the process.
class Worker {
 public:
  /// `experiment` is the descriptor of the experiment file, which the process reads as well.
  Worker(const Run& run, RunLock lock, const RunCommand& command, int experiment);

  const Run& run() const { return *run_; }
  ChildProcess& process() { return process_; }
  Position position() const { return shared_.read(); }
  /// Since the last sign of life. Call it often: signs are noticed here.
  double silence_s();
  /// Kills it, with what is to be said of it.
  void kill(std::string why);
  /// Remembers what it says of its own failure, among the lines it writes.
  void hear(const std::string& line);
  /// The last such line without "error: "; empty if there was none.
  const std::string& last_words() const { return last_words_; }
  /// Why it was killed; empty if it was not.
  const std::string& killed_because() const { return killed_because_; }

 private:
  using Clock = std::chrono::steady_clock;

  const Run* run_;
  RunLock lock_;
  SharedPosition shared_;
  ChildProcess process_;
  int64_t beats_ = 0;
  Clock::time_point last_beat_ = Clock::now();
  std::string killed_because_, last_words_;
};

}  // namespace backobs
