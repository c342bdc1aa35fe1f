// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace backobs {

/// One pass through a phase, batch by batch.
class Batches {
 public:
  Batches(const DataSource& data, Phase phase, const Random& random, int64_t batch_size)
      : order_(data.order(phase, random)),
        batch_size_(batch_size),
        count_(data.drops_incomplete(phase) ? samples() / batch_size : (samples() + batch_size - 1) / batch_size) {}

  int64_t count() const { return count_; }
  int64_t samples() const { return static_cast<int64_t>(order_.size()); }
  /// Indices of one batch; valid until the next call.
  const std::vector<int64_t>& at(int64_t batch) {
    const auto first = order_.begin() + batch * batch_size_;
    indices_.assign(first, first + std::min(batch_size_, samples() - batch * batch_size_));
    return indices_;
  }

 private:
  std::vector<int64_t> order_, indices_;
  int64_t batch_size_, count_;
};

}  // namespace backobs
