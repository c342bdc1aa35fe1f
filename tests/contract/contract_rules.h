// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/module.h>
#include <backobs/testing/layer_contract.h>

#include <ATen/ATen.h>

namespace backobs {

/// The rule of a torch::nn module, in double precision.
template <typename Module>
std::shared_ptr<const LayerRule> rule_of(Module module) {
  module->to(at::kDouble);
  return rule_for(typeid(*module), module.ptr(), detail::forward_of(module.ptr()));
}

/// Normal numbers in double precision, the same in every run.
inline Tensor random(std::vector<int64_t> shape, uint64_t seed = 1) {
  at::manual_seed(seed);
  return at::randn(shape, at::kDouble);
}

}  // namespace backobs
