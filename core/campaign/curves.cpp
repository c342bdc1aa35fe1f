// SPDX-License-Identifier: MIT
#include "campaign/curves.h"

namespace backobs {

void Curves::fill_after_divergence(int64_t epoch, int64_t all_epochs) {
  const EpochEvaluation initial = epochs.front();
  for (int64_t missing = epoch; missing < all_epochs; ++missing) {
    epochs.push_back(initial);
    if (!minibatch_losses.empty()) minibatch_losses.push_back(double{minibatch_losses.front()});
  }
}

}  // namespace backobs
