// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/curves.h"
#include "campaign/observer.h"
#include "campaign/settings.h"
#include "host/registry.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace backobs {

struct TrainingResult {
  Curves curves;
  std::optional<Divergence> divergence;
};

/// One run, assembled from its settings: problem, network, data, runner, extensions. The loop is DeepOBS's and the
/// same for every runner:
///
///     for epoch = 0 … epochs:
///       evaluate train_eval, valid, test (networks in evaluation mode, mean over batches of loss and accuracy)
///       if epoch < epochs: set the rate of the schedule, then one step per batch of the shuffled training set
///
/// A mini-batch loss that is no finite number ends the run at that step (DeepOBS looks only at an epoch's last one);
/// so does, after the last epoch, an evaluation that is none. Threads are set by the caller.
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
  int64_t steps_per_epoch() const;
  bool has_accuracy() const;
  /// Whether quantities are of a second forward with running statistics (Pass::couples_samples).
  bool quantities_are_of_evaluation_mode() const;
  std::string optimizer_name() const;

  /// Once.
  TrainingResult run(TrainingObserver& observer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace backobs
