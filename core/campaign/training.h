// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/curves.h"
#include "campaign/observer.h"
#include "campaign/settings.h"
#include "campaign/step_times.h"
#include "host/registry.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace backobs {

struct TrainingResult {
  Curves curves;
  std::optional<Divergence> divergence;
  std::string stopped_by;    ///< "max_time" or "patience", where one of them ended it before its last epoch
  std::map<std::string, StepTimes::Sum> step_times;  ///< by the extensions that were due
  bool interrupted = false;  ///< stopped by Checkpointing::stop; a new Training goes on from the checkpoint
};

/// Asked between steps and evaluations, on the training's thread.
class BACKOBS_API Checkpointing {
 public:
  virtual ~Checkpointing();
  /// Whether a checkpoint is wanted now.
  virtual bool due() { return false; }
  /// Everything that `Training::resume` needs.
  virtual void take(State) {}
  /// Whether to take a checkpoint and end. Also asked between the batches of an evaluation, which is then begun anew
  /// by whoever goes on.
  virtual bool stop() { return false; }
};

/// One run, assembled from its settings: problem, network, data, runner, extensions. The loop is DeepOBS's and the
/// same for every runner:
///
///     for epoch = 0 … epochs:
///       evaluate train_eval, valid, test (networks in evaluation mode, mean over batches of loss and accuracy)
///       if epoch < epochs: set the rate of the schedule, then one step per batch of the shuffled training set
///
/// A mini-batch loss that is no finite number ends the run at that step (DeepOBS looks only at an epoch's last one);
/// so does, after the last epoch, an evaluation that is none. `max_time` ends it after a step, `patience` after an
/// evaluation; its lists are then as long as it went. Threads are set by the caller.
class BACKOBS_API Training {
 public:
  /// Loads the data and initialises the network. Throws DataError for missing files, ConfigError for a batch larger
  /// than one of the sets, PluginError for plugins that cannot be used.
  Training(const RunSettings& settings, const Registry& registry);
  ~Training();

  /// (extension, parameter) pairs that cannot work, with reasons; they are skipped.
  const std::vector<Refusal>& refusals() const;
  /// Names of the trainable parameters, in the network's order.
  std::vector<std::string> parameter_names() const;
  int64_t steps_done() const;  ///< those of earlier processes included
  int64_t steps_per_epoch() const;
  bool has_accuracy() const;
  /// Whether quantities are of a second forward with running statistics (Pass::couples_samples).
  bool quantities_are_of_evaluation_mode() const;
  std::string optimizer_name() const;

  /// Goes on from what a Training of the same settings gave to Checkpointing::take; before `run`. The rest of the run is
  /// the same, bit for bit, as if it had not been interrupted.
  void resume(const State& state);
  /// Parameters and buffers as they are now, by name.
  State network_state() const;

  /// Once.
  TrainingResult run(TrainingObserver& observer, Checkpointing& checkpointing);
  TrainingResult run(TrainingObserver& observer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace backobs
