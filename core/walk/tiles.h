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
  Tape* spent = nullptr;  ///< the same tape where this is the last walk: it is released on the way, if there is one tile
};

/// The tile of this walk: see tile_for.
BACKOBS_API TileSize choose_tile(const WalkInput& input);

/// Walks every tile and calls `complete` once per parameter: while walking if there is one tile, so that results
/// stream parameter by parameter, else after the last one. `take_block`, where one sweep does (TileSize::one_sweep), gets the
/// plan's values in blocks while walking.
void walk_tiles(const WalkInput& input, std::vector<ParameterQuantities>& quantities,
                const std::function<void(std::size_t)>& complete, const Sweep::TakeBlock& take_block = {});

}  // namespace backobs
