// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace backobs {

/// The samples of a pass: n of the N of a mini-batch, fewer in a micro-batch. Sums over samples are then of these n, at the
/// scale of the whole: what divides is of N, and of what belongs to all samples together, the penalty, n/N is theirs.
/// The passes over all parts of a mini-batch add up to one pass over it.
struct SampleCount {
  int64_t samples = 0;     ///< n
  int64_t batch_size = 0;  ///< N

  bool whole() const { return samples == batch_size; }
  double share() const { return static_cast<double>(samples) / static_cast<double>(batch_size); }
};

}  // namespace backobs
