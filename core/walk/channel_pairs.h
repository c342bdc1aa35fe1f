// SPDX-License-Identifier: MIT
#pragma once

#include "network/channelwise.h"

namespace backobs {

/// Averaged curvature at the output of a convolution, its positions summed, without the matrix [D, D] there:
/// A[c,d] = sum_{s,t} M'[(c,s),(d,t)] with M' = M carried down through `layers` (top first), each of which keeps channels
/// apart and averages over `batch_size` samples. M [C S, C S] is symmetric; the result is [C, C]. Pairs of channels run
/// in parallel and hold a block [S', S'] each.
Tensor summed_over_positions(const Tensor& mat, const std::vector<ChannelPairMap>& layers, int64_t channels, int64_t batch_size);

}  // namespace backobs
