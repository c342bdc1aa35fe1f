// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <memory>
#include <string>

namespace franke {

using at::Tensor;

/// y[n,k] = exp(-sharpness |x_n - c_k|^2): K Gaussian bumps. x [N, D], centres c [K, D], y [N, K].
struct RadialBasisImpl : torch::nn::Module {
  RadialBasisImpl(int64_t inputs, int64_t bumps, double sharpness_) : sharpness(sharpness_) {
    centres = register_parameter("centres", at::zeros({bumps, inputs}));
  }
  Tensor forward(const Tensor& x) const {
    return at::exp(-sharpness * (x.unsqueeze(1) - centres).square().sum(2));
  }
  Tensor centres;
  double sharpness;
};

/// Its rule. Without the three overrides at the end the layer works as well, one backward of autograd per column and
/// sample; second derivatives, which few quantities ask for, are left to that.
class RadialBasisRule final : public backobs::LayerRule {
 public:
  explicit RadialBasisRule(std::shared_ptr<RadialBasisImpl> module) : module_(std::move(module)) {}

  std::string type() const override { return "RadialBasis"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const backobs::TensorList& inputs, const backobs::ForwardContext&, backobs::TensorList&) const override {
    return module_->forward(inputs[0]);
  }

  /// dy[k]/dx = 2 sharpness y[k] (c_k - x).
  backobs::TensorList jac_t(const backobs::LayerIO& io, const Tensor& columns) const override {
    const auto weighted = weights(io, columns);  // [V, n, K]
    return {weighted.matmul(centres()) - weighted.sum(2, true) * io.inputs[0]};
  }
  /// dy[k]/dc_k = -dy[k]/dx, and no other centre matters: [V, n, K, D].
  Tensor param_jac_t(const backobs::LayerIO& io, const std::string&, const Tensor& columns) const override {
    return weights(io, columns).unsqueeze(3) * (io.inputs[0].unsqueeze(1) - centres());
  }
  /// The sum of these over columns and samples, without them.
  Tensor sum_param_jac_t(const backobs::LayerIO& io, const std::string&, const Tensor& columns) const override {
    const auto weighted = weights(io, columns).sum(0);  // [n, K]
    return weighted.t().mm(io.inputs[0]) - weighted.sum(0).unsqueeze(1) * centres();
  }

 private:
  Tensor centres() const { return module_->centres.detach(); }
  /// 2 sharpness columns y, [V, n, K].
  Tensor weights(const backobs::LayerIO& io, const Tensor& columns) const {
    return 2 * module_->sharpness * columns * io.output;
  }
  std::shared_ptr<RadialBasisImpl> module_;
};

}  // namespace franke
