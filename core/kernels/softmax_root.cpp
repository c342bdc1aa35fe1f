// SPDX-License-Identifier: MIT
#include "kernels/softmax_root.h"

#include "kernels/over_samples.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <cmath>

namespace backobs {
namespace {

/// One row of one column.
template <typename T>
void write_row(const T* p, T scale, int64_t label, int64_t classes, T* to) {
  for (int64_t c = 0; c < classes; ++c) to[c] = -p[c] * scale;
  to[label] += scale;
}

}  // namespace

Tensor softmax_root(const Tensor& p, const Tensor& weight, int64_t first, int64_t count) {
  const auto samples = p.size(0), classes = p.size(1);
  const auto probabilities = p.contiguous(), weights = weight.contiguous();
  const auto root = at::empty({count, samples, classes}, p.options());
  AT_DISPATCH_FLOATING_TYPES(p.scalar_type(), "root of a softmax Hessian", [&] {
    over_samples(count, [&](int64_t, int64_t begin, int64_t end) {
      for (auto v = begin; v < end; ++v)
        for (int64_t n = 0; n < samples; ++n) {
          const auto* const row = probabilities.data_ptr<scalar_t>() + n * classes;
          const auto scale = std::sqrt(weights.data_ptr<scalar_t>()[n] * row[first + v]);
          write_row(row, scale, first + v, classes, root.data_ptr<scalar_t>() + (v * samples + n) * classes);
        }
    }, chunks_of(count));
  });
  return root;
}

Tensor softmax_root_plainly(const Tensor& p, const Tensor& weight, int64_t first, int64_t count) {
  const auto label = at::arange(first, first + count, p.options().dtype(at::kLong)).view({-1, 1, 1}).expand({count, p.size(0), 1});
  const auto all = p.unsqueeze(0).expand({count, p.size(0), p.size(1)});
  const auto scale = (all.gather(2, label) * weight.view({1, -1, 1})).sqrt_();
  return (all.neg() * scale).scatter_add_(2, label, scale);
}

}  // namespace backobs
