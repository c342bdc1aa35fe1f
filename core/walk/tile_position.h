// SPDX-License-Identifier: MIT
#pragma once

#include "walk/sample_count.h"

namespace backobs {

/// Where a tile lies in the whole: for values that are joined over N and V.
struct TilePosition {
  int64_t first_sample = 0, samples = 0;
  SampleCount of;                         ///< the pass
  int64_t first_column = 0, columns = 0;  ///< of V, for the signal at hand

  bool whole() const { return samples == of.samples; }
};

}  // namespace backobs
