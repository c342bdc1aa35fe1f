// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace backobs {

/// |found - wanted| <= relative * max|wanted| + absolute, in double, shapes equal. Prints the worst entry.
inline ::testing::AssertionResult tensors_near(const at::Tensor& found, const at::Tensor& wanted, double relative,
                                               double absolute) {
  if (!found.defined()) return ::testing::AssertionFailure() << "undefined tensor";
  if (found.sizes() != wanted.sizes())
    return ::testing::AssertionFailure() << "shape " << found.sizes() << ", wanted " << wanted.sizes();
  if (wanted.numel() == 0) return ::testing::AssertionSuccess();
  const auto a = found.detach().to(at::kDouble).flatten(), b = wanted.detach().to(at::kDouble).flatten();
  const double limit = relative * b.abs().max().item<double>() + absolute;
  const auto difference = (a - b).abs();
  const auto worst = difference.argmax().item<int64_t>();
  if (difference.le(limit).all().item<bool>()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "entry " << worst << " is " << a[worst].item<double>() << ", wanted "
                                       << b[worst].item<double>() << " within " << limit;
}

/// The tolerances of exact arithmetic in another order, by element type.
inline ::testing::AssertionResult equal_up_to_rounding(const at::Tensor& found, const at::Tensor& wanted) {
  const bool is_double = wanted.scalar_type() == at::kDouble;
  return tensors_near(found, wanted, is_double ? 1e-10 : 1e-5, is_double ? 1e-14 : 1e-7);
}

}  // namespace backobs
