// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include <cstdint>
#include <vector>

namespace backobs {

/// 0 … n-1 in random order.
std::vector<int64_t> permutation(int64_t n, const at::Generator& generator);
/// 0 … n-1.
std::vector<int64_t> ascending(int64_t n);
/// As an int64 tensor of its own, [N].
Tensor index_tensor(const std::vector<int64_t>& indices);
/// Throws ComputeError unless there are indices and each is a row, 0 to rows - 1.
void check_range(const std::vector<int64_t>& indices, int64_t rows);
/// rows[indices], [N, *row]; a view where the indices are neighbours in ascending order. Throws ComputeError for an
/// index that is no row.
Tensor select_rows(const Tensor& rows, const std::vector<int64_t>& indices);

}  // namespace backobs
