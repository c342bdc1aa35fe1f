// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/options.h>

#include <ATen/core/Tensor.h>

#include <vector>

namespace backobs {

/// The option `subsampling` of quantities with a sample axis: positions in the mini-batch whose values are wanted, in
/// the order given, repetitions allowed. Empty: all. Scales keep the N of the whole mini-batch.
class BACKOBS_API Subsampling {
 public:
  static Schema schema();
  explicit Subsampling(const Options& options);

  /// Whether every sample is wanted once, in its place.
  bool is_all() const { return positions_.empty(); }
  /// Throws ConfigError if a position is not in a mini-batch of `batch_size` samples.
  void check(int64_t batch_size) const;
  /// The wanted samples of a value whose sample axis is `axis`.
  at::Tensor of(const at::Tensor& value, int64_t axis) const;

 private:
  std::vector<int64_t> positions_;
};

}  // namespace backobs
