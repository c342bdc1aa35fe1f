// SPDX-License-Identifier: MIT
#pragma once

#include "walk/sweep.h"

namespace backobs {

/// What one walk reads.
struct WalkInput {
  const Network& network;
  const WalkPlan& plan;
  const Tape& tape;
  const LossRule& loss;
  const LossIO& loss_io;
  const PassInfo& info;
  const std::vector<std::vector<int64_t>>& sample_shapes;
  const Tiling& tiling;
};

/// A block of N and of V.
struct TileSize {
  int64_t samples = 0;
  int64_t columns = 0;
  bool one_sweep = false;  ///< every column of a block of samples, residuals too, moves in one sweep
};

/// The largest tile whose signals fit the budget: samples are split first, and columns only if one sample does not
/// fit. Explicit sizes win.
BACKOBS_API TileSize choose_tile(const WalkInput& input);

/// Walks every tile and calls `complete` once per parameter: while walking if there is one tile, so that results
/// stream parameter by parameter, else after the last one. `take_block`, where one sweep does (TileSize::one_sweep), gets the
/// plan's values in blocks while walking.
void walk_tiles(const WalkInput& input, std::vector<ParameterQuantities>& quantities,
                const std::function<void(std::size_t)>& complete, const Sweep::TakeBlock& take_block = {});

}  // namespace backobs
