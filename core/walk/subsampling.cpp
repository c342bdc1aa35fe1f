// SPDX-License-Identifier: MIT
#include <backobs/subsampling.h>

#include <backobs/error.h>

#include <ATen/ATen.h>

#include <algorithm>

namespace backobs {

Schema Subsampling::schema() {
  return {Option::integers("subsampling", {}, "positions in the mini-batch, in the order wanted; empty: all").at_least(0)};
}

Subsampling::Subsampling(const Options& options) : positions_(options.integers("subsampling")) {}

void Subsampling::check(int64_t batch_size) const {
  for (const auto position : positions_)
    if (position < 0 || position >= batch_size)
      throw ConfigError("option `subsampling`", "position " + std::to_string(position),
                        "0 to " + std::to_string(batch_size - 1) + " in a mini-batch of " + std::to_string(batch_size));
}

at::Tensor Subsampling::of(const at::Tensor& value, int64_t axis) const {
  if (positions_.empty()) return value;
  const auto samples = value.size(axis);  // fewer than the mini-batch's in a part of it
  if (const auto last = *std::max_element(positions_.begin(), positions_.end()); last >= samples)
    throw ConfigError("option `subsampling`", "position " + std::to_string(last), "0 to " + std::to_string(samples - 1) +
                      " in a pass over " + std::to_string(samples) + " samples");
  return value.index_select(axis, at::tensor(positions_, at::kLong).to(value.device()));
}

}  // namespace backobs
