// SPDX-License-Identifier: MIT
#include "walk/channel_pairs.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace backobs {

Tensor summed_over_positions(const Tensor& mat, const std::vector<ChannelPairMap>& layers, int64_t channels,
                             int64_t batch_size) {
  const auto positions = mat.size(0) / channels;
  const auto blocks = mat.view({channels, positions, channels, positions});
  auto sums = at::zeros({channels, channels}, mat.options());
  const auto one_pair = [&](int64_t c, int64_t d) {
    auto block = blocks.select(0, c).select(1, d);
    for (const auto& layer : layers) block = layer(c, d, block).div_(static_cast<double>(batch_size));
    sums[c][d].copy_(block.sum());
  };
  at::parallel_for(0, channels * channels, 1, [&](int64_t begin, int64_t end) {
    at::NoGradGuard no_grad;
    for (auto pair = begin; pair < end; ++pair)
      if (pair / channels <= pair % channels) one_pair(pair / channels, pair % channels);
  });
  return sums.add_(sums.triu(1).t());
}

}  // namespace backobs
