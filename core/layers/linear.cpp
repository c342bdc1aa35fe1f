// SPDX-License-Identifier: MIT
#include "kernels/sparse_matrices.h"
#include "kernels/sparse_products.h"
#include "kernels/symmetric_product.h"
#include "network/rule_table.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

namespace backobs {
namespace {

/// y[n,s,c] = sum_k W[c,k] x[n,s,k] + b[c]; the axes between the first and the last are the positions s.
class LinearRule final : public LayerRule {
 public:
  explicit LinearRule(std::shared_ptr<torch::nn::LinearImpl> module) : module_(std::move(module)) {}

  std::string type() const override { return "Linear"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }

  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::linear(inputs[0], module_->weight, module_->bias);
  }
  bool records_graph() const override { return false; }
  bool jacobian_is_constant() const override { return true; }
  bool is_curved() const override { return false; }
  bool reads_output() const override { return false; }

  TensorList jac_t(const LayerIO&, const Tensor& columns) const override {
    auto shape = columns.sizes().vec();
    shape.back() = module_->weight.size(1);
    const auto z = columns.reshape({columns.size(0), -1, module_->weight.size(0)});
    if (is_worth_packing(z) && sparse::is_sparse(z)) return {sparse::product(z, module_->weight.detach()).view(shape)};
    return {z.flatten(0, 1).mm(module_->weight).view(shape)};
  }
  /// W^T on a scaled unit vector is a scaled row of W.
  TensorList jac_t_diagonal(const LayerIO& io, const Tensor& diagonal, int64_t first, int64_t count) const override {
    if (diagonal.dim() != 2) return LayerRule::jac_t_diagonal(io, diagonal, first, count);
    const auto scale = diagonal.narrow(1, first, count).t().unsqueeze(2);         // [R, n, 1]
    return {scale * module_->weight.narrow(0, first, count).unsqueeze(1)};        // [R, n, K]
  }
  /// N W^T M W; with positions, block by block: M[s,s'] -> W^T M[s,s'] W.
  Tensor sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const override {
    const auto& weight = module_->weight;
    const auto out = weight.size(0), in = weight.size(1), positions = mat.size(0) / out;
    const auto right = mat.reshape({-1, out}).mm(weight);
    if (positions == 1) return symmetric_product(weight.t(), right, static_cast<double>(io.samples()));
    const auto both = at::matmul(weight.t(), right.view({positions, out, positions * in}));
    return both.reshape({positions * in, positions * in}).mul_(io.samples());
  }

  ParamForm form(const std::string& parameter) const override {
    return parameter == "weight" ? ParamForm::weight : ParamForm::bias;
  }
  Tensor affine_input(const LayerIO& io) const override {
    return io.inputs[0].reshape({io.samples(), -1, 1, module_->weight.size(1)});
  }
  Tensor affine_columns(const LayerIO&, const Tensor& columns) const override {
    return columns.reshape({columns.size(0), columns.size(1), -1, 1, module_->weight.size(0)});
  }

 private:
  /// Products that go over what is not zero copy the weight.
  bool is_worth_packing(const Tensor& z) const {
    return module_->weight.numel() >= 4096 && z.size(0) * z.size(1) >= 64;
  }

  std::shared_ptr<torch::nn::LinearImpl> module_;
};

}  // namespace

void register_linear(RuleTable& table) { table.add<torch::nn::LinearImpl, LinearRule>(); }

}  // namespace backobs
