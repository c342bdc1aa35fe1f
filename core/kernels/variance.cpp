// SPDX-License-Identifier: MIT
#include "kernels/variance.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace backobs::affine {
namespace {

/// Of the mean square: smaller variances show the rounding of sums.
constexpr double kSmallShare = 0.125;
/// Mean squares below it may come from factors whose squares have underflown.
constexpr double kTiny = 1e-24;

/// One row of variances; true if rounding, underflow or overflow shows in one of them.
template <typename T>
bool variances(T* __restrict to, const T* __restrict sum, const T* __restrict squares, T samples, int64_t count) {
  const T share = static_cast<T>(kSmallShare), tiny = static_cast<T>(kTiny), per_sample = 1 / samples;
  constexpr T largest = std::numeric_limits<T>::max();
  int doubtful = 0;
  for (int64_t k = 0; k < count; ++k) {
    const T mean = sum[k] * per_sample, mean_square = squares[k] * per_sample, found = mean_square - mean * mean;
    to[k] = std::max(found, T(0));
    const bool rounded = !(found >= share * mean_square), tiny_factors = (mean_square < tiny) & (mean != 0);
    const bool overflown = !(mean_square <= largest);
    doubtful |= static_cast<int>(rounded) | static_cast<int>(tiny_factors) | static_cast<int>(overflown);
  }
  return doubtful != 0;
}

/// The rows whose variances, written to `to`, are to be formed again.
std::vector<int64_t> write_variances(const at::Tensor& to, const at::Tensor& sum, const at::Tensor& squares, int64_t samples) {
  const auto rows = to.size(0), count = to.size(1);
  std::vector<char> doubtful(static_cast<std::size_t>(rows));
  AT_DISPATCH_FLOATING_TYPES(to.scalar_type(), "variances", [&] {
    at::parallel_for(0, rows, std::max<int64_t>(1, 32768 / std::max<int64_t>(count, 1)), [&](int64_t begin, int64_t end) {
      for (auto c = begin; c < end; ++c)
        doubtful[static_cast<std::size_t>(c)] =
            variances(to.data_ptr<scalar_t>() + c * count, sum.data_ptr<scalar_t>() + c * count,
                      squares.data_ptr<scalar_t>() + c * count, static_cast<scalar_t>(samples), count);
    });
  });
  std::vector<int64_t> result;
  for (int64_t c = 0; c < rows; ++c)
    if (doubtful[static_cast<std::size_t>(c)]) result.push_back(c);
  return result;
}

}  // namespace

at::Tensor variance(const at::Tensor& z, const at::Tensor& x, const at::Tensor& sum, const at::Tensor& squares) {
  auto result = at::empty(sum.sizes(), sum.options());
  const auto again = write_variances(result, sum.contiguous(), squares.contiguous(), z.size(0));
  if (z.scalar_type() == at::kDouble || again.empty()) return result;
  const auto rows = at::tensor(again, at::kLong);
  return result.index_copy_(0, rows, variance_in_double(z.index_select(1, rows), x));
}

at::Tensor variance_in_double(const at::Tensor& z, const at::Tensor& x) {
  const auto wide_z = z.to(at::kDouble), wide_x = x.to(at::kDouble);
  const auto samples = static_cast<double>(z.size(0));
  const auto mean = wide_z.t().mm(wide_x).div_(samples), mean_square = wide_z.square().t().mm(wide_x.square()).div_(samples);
  return (mean_square - mean.square()).clamp_min_(0).to(z.scalar_type());
}

}  // namespace backobs::affine
