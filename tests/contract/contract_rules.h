// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/module.h>
#include <backobs/testing/layer_contract.h>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

namespace backobs {

/// The rule of a torch::nn module, in double precision.
template <typename Module>
std::shared_ptr<const LayerRule> rule_of(Module module) {
  module->to(at::kDouble);
  return rule_for(typeid(*module), module.ptr(), detail::forward_of(module.ptr()));
}

/// Equal shapes, and entries equal to 1e-10 of the largest one wanted.
inline void expect_close(const Tensor& found, const Tensor& wanted, const std::string& what) {
  ASSERT_EQ(found.sizes(), wanted.sizes()) << what;
  const double scale = wanted.numel() ? wanted.abs().max().item<double>() : 0;
  const double error = wanted.numel() ? (found - wanted).abs().max().item<double>() : 0;
  EXPECT_LE(error, 1e-10 * scale + 1e-13) << what;
}

/// Normal numbers in double precision, the same in every run.
inline Tensor random(std::vector<int64_t> shape, uint64_t seed = 1) {
  at::manual_seed(seed);
  return at::randn(shape, at::kDouble);
}

}  // namespace backobs
