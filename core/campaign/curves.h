// SPDX-License-Identifier: MIT
#pragma once

#include "walk/pass.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace backobs {

/// The three evaluations before training and after every epoch.
struct EpochEvaluation {
  Evaluation train, valid, test;
};

/// What a training leaves: DeepOBS's lists. Losses carry the weight penalty.
struct Curves {
  std::vector<EpochEvaluation> epochs;   ///< epochs + 1 entries
  std::vector<double> minibatch_losses;  ///< every log_interval steps, the counter starting anew each epoch
  bool has_accuracy = false;

  /// Fills what a training that ends during `epoch` lacks, as DeepOBS does: every missing evaluation is the initial
  /// one, and every missing epoch (this one included) adds one copy of the first mini-batch loss.
  BACKOBS_API void fill_after_divergence(int64_t epoch, int64_t all_epochs);
};

/// A mini-batch loss, or the last evaluation, that is no number any more.
struct Divergence {
  int64_t epoch = 0, step = 0, global = 0;
};

}  // namespace backobs
