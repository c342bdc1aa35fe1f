// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/affine_products.h"

#include <ATen/ATen.h>

/// What affine::Products does with each product, however that was formed.
namespace backobs::affine {

template <typename T>
void add_squares(T* __restrict sum, const T* __restrict a, T sign, int64_t count) {
  for (int64_t i = 0; i < count; ++i) sum[i] += sign * a[i] * a[i];
}

template <typename T>
void add_moments(T* __restrict sum, T* __restrict squares, const T* __restrict a, const T* __restrict shift, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const T centred = a[i] - shift[i];
    sum[i] += centred;
    squares[i] += centred * centred;
  }
}

/// sum_i entry(i)^2.
template <typename T, typename Entry>
T squared_norm(int64_t count, const Entry& entry) {
  constexpr int64_t kLanes = 16;  // independent sums, so that the loop vectorises
  T lanes[kLanes] = {};
  const auto whole = count - count % kLanes;
  for (int64_t i = 0; i < whole; i += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += entry(i + lane) * entry(i + lane);
  for (auto i = whole; i < count; ++i) lanes[0] += entry(i) * entry(i);
  T sum = 0;
  for (const auto lane : lanes) sum += lane;
  return sum;
}

/// Hands products of column v and sample n to all that want them: `entries` of each block g, of a group or of an output feature.
template <typename T>
class Consumers {
 public:
  Consumers(const Products& products, const Tensor& signs, int64_t blocks, int64_t entries)
      : products_(products), signs_(signs), blocks_(blocks), entries_(entries) {}

  void take(const T* a, int64_t v, int64_t n, int64_t g) const {
    const T sign = signs_.defined() ? signs_.data_ptr<T>()[v * signs_.size(1) + n] : T(1);
    const auto at = [&](const Tensor& whole, int64_t outer) { return whole.data_ptr<T>() + (outer * blocks_ + g) * entries_; };
    if (products_.sample_squares.defined()) add_squares(at(products_.sample_squares, n), a, sign, entries_);
    if (products_.sum_squares.defined()) add_squares(at(products_.sum_squares, 0), a, sign, entries_);
    if (products_.shift.defined())
      add_moments(at(products_.shifted_sum, 0), at(products_.shifted_squares, 0), a, at(products_.shift, 0), entries_);
    if (products_.squared_norms.defined()) {
      auto& norm = products_.squared_norms.data_ptr<T>()[v * products_.squared_norms.size(1) + n];
      const T* const addend = products_.addend.defined() ? at(products_.addend, 0) : nullptr;
      norm += addend ? squared_norm<T>(entries_, [&](int64_t i) { return a[i] + addend[i]; })
                     : squared_norm<T>(entries_, [&](int64_t i) { return a[i]; });
    }
  }

 private:
  const Products& products_;
  const Tensor& signs_;
  int64_t blocks_, entries_;
};

/// What is summed over samples, once per thread: each adds to its own, and they are added up in order.
class Parts {
 public:
  Parts(const Products& whole, int64_t count) : whole_(whole), parts_(static_cast<std::size_t>(count), whole) {
    for (auto& part : parts_)
      for (const auto sum : kSums)
        if ((part.*sum).defined()) part.*sum = at::zeros_like(part.*sum);
  }
  Products& operator[](int64_t chunk) { return parts_[static_cast<std::size_t>(chunk)]; }
  void add_up() const {
    for (const auto& part : parts_)
      for (const auto sum : kSums)
        if ((part.*sum).defined()) (whole_.*sum).add_(part.*sum);
  }

  static constexpr Tensor Products::*kSums[] = {&Products::sum_squares, &Products::shifted_sum, &Products::shifted_squares};

 private:
  const Products& whole_;
  std::vector<Products> parts_;
};

}  // namespace backobs::affine
