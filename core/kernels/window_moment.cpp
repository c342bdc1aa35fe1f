// SPDX-License-Identifier: MIT
#include "kernels/window_moment.h"

#include "kernels/over_samples.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>
#include <map>

namespace backobs {
namespace {

/// Shorter rows leave BLAS idle.
constexpr int64_t kLeastEntries = 32;

/// Slices along the first axis.
class Slices {
 public:
  Slices(const sparse::WindowedInput& x, int64_t samples)
      : x_(x), first_(x.windows.first_axis()), samples_(samples),
        positions_(static_cast<int64_t>(x.windows.positions.size()) / first_.out),
        runs_(static_cast<int64_t>(x.windows.runs.size()) / first_.kernel) {}

  int64_t entries() const { return runs_ * x_.windows.length; }

  /// X_y, [n S', K'].
  Tensor slice(int64_t y) const {
    const auto result = at::empty({samples_ * positions_, entries()}, x_.laid_out.options());
    AT_DISPATCH_FLOATING_TYPES(result.scalar_type(), "slice of windows", [&] {
      over_samples(samples_, [&](int64_t, int64_t begin, int64_t end) {
        for (auto n = begin; n < end; ++n) copy<scalar_t>(n, y, result.data_ptr<scalar_t>() + n * positions_ * entries());
      }, chunks_of(samples_));
    });
    return result;
  }

 private:
  template <typename T>
  void copy(int64_t n, int64_t y, T* to) const {
    const auto& windows = x_.windows;
    const T* const from = x_.laid_out.data_ptr<T>() + n * windows.entries_per_image() + y * first_.entries;
    for (int64_t s = 0; s < positions_; ++s)
      for (int64_t r = 0; r < runs_; ++r, to += windows.length)
        std::copy_n(from + windows.positions[static_cast<std::size_t>(s)] + windows.runs[static_cast<std::size_t>(r)], windows.length, to);
  }

  const sparse::WindowedInput& x_;
  const WindowLayout::FirstAxis& first_;
  const int64_t samples_, positions_, runs_;
};

/// Calls meet(i, j) for every block i <= j of kernel entries in which slices y and y + distance * dilation meet.
template <typename Meet>
void for_each_meeting(const WindowLayout::FirstAxis& first, int64_t y, int64_t distance, const Meet& meet) {
  for (int64_t i = 0; i + distance < first.kernel; ++i) {
    const auto offset = y - first.dilation * i;
    if (offset >= 0 && offset % first.stride == 0 && offset / first.stride < first.out) meet(i, i + distance);
  }
}

}  // namespace

bool shares_slices(const WindowLayout& windows) {
  const auto& first = windows.first_axis();
  const bool has_other_axes = static_cast<int64_t>(windows.positions.size()) > first.out;
  const auto entries = windows.entries_per_window() / first.kernel;
  return windows.groups == 1 && has_other_axes && first.stride == 1 && first.kernel > 1 && entries >= kLeastEntries;
}

Tensor window_moment(const sparse::WindowedInput& x, int64_t samples, double scale) {
  const auto& first = x.windows.first_axis();
  const Slices slices(x, samples);
  const auto entries = slices.entries(), all = first.kernel * entries;
  auto blocks = at::zeros({first.kernel, first.kernel, entries, entries}, x.laid_out.options());
  std::map<int64_t, Tensor> alive;  // slices that a later one still meets
  const auto slice = [&](int64_t y) -> const Tensor& {
    auto& found = alive[y];
    return found.defined() ? found : found = slices.slice(y);
  };
  const auto end = first.low + first.image;
  for (auto y = first.low; y < end; ++y) {
    for (int64_t distance = 0; distance < first.kernel && y + distance * first.dilation < end; ++distance) {
      Tensor product;
      for_each_meeting(first, y, distance, [&](int64_t i, int64_t j) {
        if (!product.defined()) product = slice(y).t().mm(slice(y + distance * first.dilation));
        blocks[i][j].add_(product);
      });
    }
    alive.erase(y);
  }
  for (int64_t i = 0; i < first.kernel; ++i)
    for (int64_t j = 0; j < i; ++j) blocks[i][j].copy_(blocks[j][i].t());
  const auto in_runs = blocks.mul_(scale).transpose(1, 2).reshape({all, all});
  const auto order = at::tensor(x.windows.order(), at::kLong).argsort();
  return in_runs.index_select(0, order).index_select(1, order);
}

Tensor window_moment_plainly(const Tensor& unfolded, double scale) {
  const auto rows = unfolded.flatten(0, 2);
  return rows.t().mm(rows).mul_(scale);
}

}  // namespace backobs
