// SPDX-License-Identifier: MIT
#pragma once

#include "network/in_place.h"
#include "network/rule_table.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>

namespace backobs {

/// An activation that belongs to a torch::nn module. The `inplace` option of a module has no effect: forward never
/// writes into its input, which the tape may hold for another node.
template <typename Impl>
class ActivationRule : public ElementwiseRule, public InPlaceRule {
 public:
  explicit ActivationRule(std::shared_ptr<Impl> module) : module_(std::move(module)) {}
  std::shared_ptr<torch::nn::Module> module() const final { return module_; }
  void jac_t_in_place(const LayerIO& io, Tensor& columns) const override { columns.mul_(df(io)); }

 protected:
  const auto& options() const { return module_->options; }
  /// 1 where `mask` holds, 0 elsewhere, in the element type of `like`.
  static Tensor indicator(const Tensor& mask, const Tensor& like) { return mask.to(like.scalar_type()); }

 private:
  std::shared_ptr<Impl> module_;
};

}  // namespace backobs
