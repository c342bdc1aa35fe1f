// SPDX-License-Identifier: MIT
#include "network/channelwise.h"

#include <ATen/ATen.h>

namespace backobs {
namespace {

/// M o sum_n f'_{n,c} f'_{n,d}^T.
ChannelPairMap elementwise_map(const ElementwiseRule& rule, const LayerIO& io) {
  const auto slopes = rule.df(io).expand_as(io.output).flatten(2).transpose(0, 1).contiguous();  // [C, n, S]
  return [slopes](int64_t c, int64_t d, const Tensor& mat) { return slopes[c].t().mm(slopes[d]).mul_(mat); };
}

}  // namespace

bool keeps_channels_apart(const LayerRule& rule) {
  return dynamic_cast<const ElementwiseRule*>(&rule) || dynamic_cast<const ChannelwiseRule*>(&rule);
}

ChannelPairMap channel_pair_map(const LayerRule& rule, const LayerIO& io) {
  if (const auto* elementwise = dynamic_cast<const ElementwiseRule*>(&rule)) return elementwise_map(*elementwise, io);
  return dynamic_cast<const ChannelwiseRule&>(rule).channel_pair_map(io);
}

ChannelPairMap constant_channel_pair_map(const LayerRule& rule, const LayerIO& io) {
  LayerIO one;
  one.inputs = {io.inputs[0].narrow(0, 0, 1).narrow(1, 0, 1)};
  one.output = io.output.narrow(0, 0, 1).narrow(1, 0, 1);
  const auto samples = io.samples();
  return [&rule, one, samples](int64_t, int64_t, const Tensor& mat) { return rule.sum_jac_t_mat_jac(one, mat) * samples; };
}

}  // namespace backobs
