// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/observer.h"
#include "campaign/safe_file.h"
#include "campaign/tensor_files.h"

#include <backobs/state.h>

#include <chrono>
#include <set>
#include <string>

namespace backobs {

/// Writes what happens in a run to its metrics log and its text log.
///
/// One JSON object per line of the metrics log, keys always the same and in this order:
///
///   {"step":0,"epoch":0,"split":"train","metric":"variance.mean","parameter":"dense.bias","value":1e-3,"wall_time":0.2}
///
/// step: global steps done before; split: train (a mini-batch), train_eval, valid or test; metric: loss, accuracy,
/// QUANTITY.REDUCTION or EXTENSION.overhead; wall_time: seconds since the training began. A value that is no finite number is null, and
/// "text" behind it says "NaN", "Infinity" or "-Infinity".
class BACKOBS_API Recorder final : public TrainingObserver {
 public:
  /// Tensors that are to be saved go below `tensors`. `also` sees evaluations and steps as well: a progress bar.
  Recorder(GrowingFile& metrics, GrowingFile& log, std::filesystem::path tensors, bool has_accuracy, int64_t epochs,
           TrainingObserver& also);

  /// recorder/seconds and recorder/shown: what a later process needs so that its rows and lines follow on.
  void save(State& state) const;
  /// At the start of a process that goes on behind so many steps.
  void load(const State& state, int64_t steps_done);
  /// Since the training began, without the time between two processes.
  double seconds() const;

  void evaluated(const EpochEvaluation& evaluation, int64_t epoch, int64_t global) override;
  void rate_set(double rate) override;
  void step_done(const StepPosition& place, double loss, bool logged) override;
  void recorded(const StepPosition& place, const std::string& quantity, const std::string& reduction,
                const std::string& parameter, double value) override;
  void budget_used(const StepPosition& place, const std::string& extension, double share) override;
  void saved(const StepPosition& place, const std::string& extension, const std::string& quantity,
             const std::string& parameter, const TensorList& values) override;
  void shown(const StepPosition& place, const std::string& quantity, const std::string& parameter,
             const TensorList& values) override;

 private:
  void row(int64_t step, int64_t epoch, const char* split, const std::string& metric, const std::string& parameter,
           double value);
  void evaluation_rows(const Evaluation& evaluation, const char* split, int64_t epoch, int64_t global);

  GrowingFile& metrics_;
  GrowingFile& log_;
  TensorFiles tensors_;
  bool has_accuracy_;
  int64_t epochs_;
  TrainingObserver& also_;
  std::chrono::steady_clock::time_point start_;
  double seconds_before_ = 0;  ///< of earlier processes
  std::set<std::string> shown_;  ///< quantities and parameters whose shapes are in the log
  std::string line_;             ///< kept, so that a row allocates nothing
};

/// "grad_batch dense.weight [128, 10, 784]", lists as "[10, 10] [784, 784]".
BACKOBS_API std::string shapes_text(const TensorList& values);

}  // namespace backobs
