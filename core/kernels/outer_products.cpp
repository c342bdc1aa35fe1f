// SPDX-License-Identifier: MIT
#include "kernels/outer_products.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace backobs::affine {
namespace {

using at::Tensor;

#if defined(__SSE2__)
/// Smaller results are soon read again, from the cache.
constexpr int64_t kLarge = int64_t{8} << 20;
/// What a streaming store writes.
constexpr int64_t kStore = 16;

/// to[i] = factor from[i]; `to` aligned to 16 bytes, `count` a multiple of 4.
void stream(float* to, float factor, const float* from, int64_t count) {
  const auto factors = _mm_set1_ps(factor);
  for (int64_t i = 0; i < count; i += 4) _mm_stream_ps(to + i, _mm_mul_ps(factors, _mm_loadu_ps(from + i)));
}

/// The same in pairs.
void stream(double* to, double factor, const double* from, int64_t count) {
  const auto factors = _mm_set1_pd(factor);
  for (int64_t i = 0; i < count; i += 2) _mm_stream_pd(to + i, _mm_mul_pd(factors, _mm_loadu_pd(from + i)));
}

/// out [rows, C, K] from a [rows, C]; row i takes b's row i modulo their number.
template <typename T>
void stream_rows(const Tensor& a, const Tensor& b, const Tensor& out) {
  const auto rows_of_b = b.size(0), features = a.size(1), inputs = b.size(1);
  const T *const factors = a.data_ptr<T>(), *const from = b.data_ptr<T>();
  T* const to = out.data_ptr<T>();
  at::parallel_for(0, a.size(0), 1, [&](int64_t begin, int64_t end) {
    for (auto i = begin; i < end; ++i)
      for (int64_t c = 0; c < features; ++c)
        stream(to + (i * features + c) * inputs, factors[i * features + c], from + i % rows_of_b * inputs, inputs);
    _mm_sfence();  // streamed lines are seen by other threads only behind it
  });
}

bool is_worth_streaming(const Tensor& a, const Tensor& b) {
  const auto item = static_cast<int64_t>(a.element_size());
  return a.device().is_cpu() && a.scalar_type() == b.scalar_type() &&
         (a.scalar_type() == at::kFloat || a.scalar_type() == at::kDouble) && b.size(-1) * item % kStore == 0 &&
         a.numel() * b.size(-1) * item >= kLarge;
}

Tensor streamed(const Tensor& a, const Tensor& b) {
  auto out = at::empty({a.size(0), a.size(1), a.size(2), a.size(3), b.size(2)}, a.options());
  AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "outer products", [&] {
    stream_rows<scalar_t>(a.contiguous().flatten(0, 2), b.contiguous().flatten(0, 1), out);
  });
  return out;
}
#endif

}  // namespace

Tensor outer_products(const Tensor& a, const Tensor& b) {
#if defined(__SSE2__)
  if (is_worth_streaming(a, b)) return streamed(a, b);
#endif
  return a.unsqueeze(-1) * b.unsqueeze(2);
}

}  // namespace backobs::affine
