// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/observer.h"

#include <chrono>
#include <string>

namespace backobs {

/// A run's own progress: a line on stderr per evaluation, at most one a second between first and last, and its share and loss in the memory that its parent reads.
class RunProgress final : public TrainingObserver {
 public:
  /// `title` stands in front: "[3/8] fmnist_logreg sgd lr=0.1 seed=42".
  RunProgress(std::string title, int64_t epochs);

  void evaluated(const EpochEvaluation& evaluation, int64_t epoch, int64_t global) override;
  void step_done(const StepPosition& place, double loss, bool logged) override;
  /// The last word: "done", "diverged", "interrupted".
  void finish(const std::string& how);

 private:
  std::string title_, results_;
  int64_t epochs_;
  std::chrono::steady_clock::time_point start_, last_;
};

/// "[3/8] fmnist_logreg sgd lr=0.1 seed=42".
std::string title_of(int64_t index, std::size_t count, const std::string& text);

}  // namespace backobs
