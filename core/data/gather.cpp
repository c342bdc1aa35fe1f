// SPDX-License-Identifier: MIT
#include "data/gather.h"

#include <backobs/error.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

namespace backobs {

namespace {

bool are_neighbours(const std::vector<int64_t>& indices) {
  const auto gap = [](int64_t a, int64_t b) { return b != a + 1; };
  return std::adjacent_find(indices.begin(), indices.end(), gap) == indices.end();
}

}  // namespace

void check_range(const std::vector<int64_t>& indices, int64_t rows) {
  const auto outside = [rows](int64_t index) { return index < 0 || index >= rows; };
  const auto bad = std::find_if(indices.begin(), indices.end(), outside);
  if (indices.empty()) throw ComputeError("batch", "no indices", "at least one");
  if (bad != indices.end())
    throw ComputeError("batch", "sample " + std::to_string(*bad), "0 to " + std::to_string(rows - 1));
}

std::vector<int64_t> permutation(int64_t n, const at::Generator& generator) {
  const Tensor order = at::randperm(n, generator, at::kLong);
  const auto* first = order.data_ptr<int64_t>();
  return {first, first + n};
}

std::vector<int64_t> ascending(int64_t n) {
  std::vector<int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  return order;
}

Tensor index_tensor(const std::vector<int64_t>& indices) {
  Tensor result = at::empty({static_cast<int64_t>(indices.size())}, at::kLong);
  std::copy(indices.begin(), indices.end(), result.data_ptr<int64_t>());
  return result;
}

Tensor select_rows(const Tensor& rows, const std::vector<int64_t>& indices) {
  check_range(indices, rows.size(0));
  if (are_neighbours(indices)) return rows.narrow(0, indices.front(), static_cast<int64_t>(indices.size()));
  return rows.index_select(0, index_tensor(indices).to(rows.device()));
}

}  // namespace backobs
