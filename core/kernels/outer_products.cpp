// SPDX-License-Identifier: MIT
#include "kernels/outer_products.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#if defined(__SSE2__)
#include <emmintrin.h>

#include <type_traits>
#endif

namespace backobs::affine {
namespace {

using at::Tensor;

#if defined(__SSE2__)
/// Smaller results are soon read again, from the cache.
constexpr int64_t kLarge = int64_t{8} << 20;
/// What a streaming store writes.
constexpr int64_t kStore = 16;

/// What an instruction holds of an element type.
struct Floats {
  using Element = float;
  static constexpr int64_t kCount = 4;
  static __m128 all(float value) { return _mm_set1_ps(value); }
  static __m128 load(const float* from) { return _mm_loadu_ps(from); }
  static __m128 add(__m128 a, __m128 b) { return _mm_add_ps(a, b); }
  static __m128 multiply(__m128 a, __m128 b) { return _mm_mul_ps(a, b); }
  static void stream(float* to, __m128 value) { _mm_stream_ps(to, value); }
};
struct Doubles {
  using Element = double;
  static constexpr int64_t kCount = 2;
  static __m128d all(double value) { return _mm_set1_pd(value); }
  static __m128d load(const double* from) { return _mm_loadu_pd(from); }
  static __m128d add(__m128d a, __m128d b) { return _mm_add_pd(a, b); }
  static __m128d multiply(__m128d a, __m128d b) { return _mm_mul_pd(a, b); }
  static void stream(double* to, __m128d value) { _mm_stream_pd(to, value); }
};

/// to[i] = factor from[i] + addend[i], addend null for none; `to` aligned to 16 bytes, `count` a multiple of what fits in them.
template <typename Lane, typename T = typename Lane::Element>
void stream(T* to, T factor, const T* from, const T* addend, int64_t count) {
  const auto factors = Lane::all(factor);
  if (!addend) {
    for (int64_t i = 0; i < count; i += Lane::kCount) Lane::stream(to + i, Lane::multiply(factors, Lane::load(from + i)));
    return;
  }
  for (int64_t i = 0; i < count; i += Lane::kCount)
    Lane::stream(to + i, Lane::add(Lane::multiply(factors, Lane::load(from + i)), Lane::load(addend + i)));
}

/// out [rows, C, K] from a [rows, C]; row i takes b's row i modulo their number, and addend's [G, C, K] likewise.
template <typename T>
void stream_rows(const Tensor& a, const Tensor& b, const Tensor& addend, const Tensor& out) {
  using Lane = std::conditional_t<std::is_same_v<T, float>, Floats, Doubles>;
  const auto rows_of_b = b.size(0), features = a.size(1), inputs = b.size(1);
  const T *const factors = a.data_ptr<T>(), *const from = b.data_ptr<T>();
  const T* const added = addend.defined() ? addend.data_ptr<T>() : nullptr;
  T* const to = out.data_ptr<T>();
  at::parallel_for(0, a.size(0), 1, [&](int64_t begin, int64_t end) {
    for (auto i = begin; i < end; ++i)
      for (int64_t c = 0; c < features; ++c)
        stream<Lane>(to + (i * features + c) * inputs, factors[i * features + c], from + i % rows_of_b * inputs,
                     added ? added + (i % addend.size(0) * features + c) * inputs : nullptr, inputs);
    _mm_sfence();  // streamed lines are seen by other threads only behind it
  });
}

bool is_worth_streaming(const Tensor& a, const Tensor& b) {
  const auto item = static_cast<int64_t>(a.element_size());
  return a.device().is_cpu() && a.scalar_type() == b.scalar_type() &&
         (a.scalar_type() == at::kFloat || a.scalar_type() == at::kDouble) && b.size(-1) * item % kStore == 0 &&
         a.numel() * b.size(-1) * item >= kLarge;
}

Tensor streamed(const Tensor& a, const Tensor& b, const Tensor& addend) {
  auto out = at::empty({a.size(0), a.size(1), a.size(2), a.size(3), b.size(2)}, a.options());
  AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "outer products", [&] {
    stream_rows<scalar_t>(a.contiguous().flatten(0, 2), b.contiguous().flatten(0, 1),
                          addend.defined() ? addend.contiguous() : addend, out);
  });
  return out;
}
#endif

}  // namespace

Tensor outer_products(const Tensor& a, const Tensor& b, const Tensor& addend) {
#if defined(__SSE2__)
  if (is_worth_streaming(a, b)) return streamed(a, b, addend);
#endif
  auto products = a.unsqueeze(-1) * b.unsqueeze(2);
  return addend.defined() ? products.add_(addend) : products;
}

}  // namespace backobs::affine
