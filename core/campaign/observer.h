// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/curves.h"

#include <string>

namespace backobs {

struct StepPosition {
  int64_t epoch = 0;
  int64_t index = 0;   ///< within the epoch
  int64_t global = 0;  ///< over all epochs
  int64_t steps_per_epoch = 0;
};

/// Sees a training happen. Called on the training's thread, between or inside steps: be quick.
class BACKOBS_API TrainingObserver {
 public:
  virtual ~TrainingObserver();

  /// Before training (epoch 0) and after every epoch; `global` steps have been done.
  virtual void evaluated(const EpochEvaluation&, int64_t /*epoch*/, int64_t /*global*/) {}
  /// At an epoch of the schedule.
  virtual void rate_set(double /*rate*/) {}
  /// After every step, with the mini-batch loss before its update; `logged` at the steps of the log interval.
  virtual void step_done(const StepPosition&, double /*loss*/, bool /*logged*/) {}
  /// A reduction of one quantity, `parameter` empty for values of the whole pass, "NAME/0" and so on for lists.
  virtual void recorded(const StepPosition&, const std::string& /*quantity*/, const std::string& /*reduction*/,
                        const std::string& /*parameter*/, double /*value*/) {}
  /// After a step that was chosen for an extension with a budget: the share of the training's time it has taken so far.
  virtual void budget_used(const StepPosition&, const std::string& /*extension*/, double /*share*/) {}
  /// A quantity of an extension with `save: tensors`.
  virtual void saved(const StepPosition&, const std::string& /*extension*/, const std::string& /*quantity*/,
                     const std::string& /*parameter*/, const TensorList&) {}
  /// A quantity for which nothing is recorded: its shapes may be of interest. The tensors are freed afterwards.
  virtual void shown(const StepPosition&, const std::string& /*quantity*/, const std::string& /*parameter*/,
                     const TensorList&) {}
};

}  // namespace backobs
