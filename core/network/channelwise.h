// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include <functional>

/// Layers that keep channels (axis 1 of [N, C, *image]) apart: activations, pools, pads, interpolation. Averaged
/// curvature can pass through them one pair of channels at a time, as far down as no layer mixes channels.
namespace backobs {

/// One pair of channels through one layer: (c, d, M) -> sum_n J_{n,c}^T M J_{n,d}, M [S_out, S_out] -> [S_in, S_in],
/// where J_{n,c} maps channel c of the layer's input to channel c of its output. May be called from several threads.
using ChannelPairMap = std::function<Tensor(int64_t c, int64_t d, const Tensor& mat)>;

/// What a rule that keeps channels apart adds to LayerRule. ElementwiseRule needs no more than f'.
class ChannelwiseRule {
 public:
  virtual ~ChannelwiseRule() = default;
  virtual ChannelPairMap channel_pair_map(const LayerIO& io) const = 0;
};

/// An affine map whose positions are all the axes behind the channels: [N, G C, *positions].
class PositionsLastRule {
 public:
  virtual ~PositionsLastRule() = default;
  virtual int64_t groups() const = 0;
};

BACKOBS_API bool keeps_channels_apart(const LayerRule& rule);
/// The map of any layer that keeps channels apart.
BACKOBS_API ChannelPairMap channel_pair_map(const LayerRule& rule, const LayerIO& io);
/// The map of a layer that treats every channel and every sample alike, and whose sum_jac_t_mat_jac takes matrices that are
/// not symmetric: those of two different channels.
ChannelPairMap constant_channel_pair_map(const LayerRule& rule, const LayerIO& io);

}  // namespace backobs
