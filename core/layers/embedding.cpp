// SPDX-License-Identifier: MIT
#include "network/rule_table.h"

#include <backobs/error.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/embedding.h>

namespace backobs {
namespace {

/// y[n,s,:] = W[k[n,s],:] with W [K, C] and integers k, which may arrive in any element type. The row of `padding_idx`
/// gets no derivatives.
class EmbeddingRule final : public LayerRule {
 public:
  explicit EmbeddingRule(std::shared_ptr<torch::nn::EmbeddingImpl> module) : module_(std::move(module)) {
    const auto& options = module_->options;
    if (options.max_norm()) throw ComputeError("Embedding", "max_norm", "none: it would change the parameter in the forward pass");
    if (options.scale_grad_by_freq())
      throw ComputeError("Embedding", "scale_grad_by_freq", "false: it makes a sample's gradient depend on other samples");
  }
  std::string type() const override { return "Embedding"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }

  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::embedding(module_->weight, inputs[0].to(at::kLong));
  }
  bool records_graph() const override { return false; }
  bool is_curved() const override { return false; }
  bool reads_output() const override { return false; }

  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    if (!io.inputs[0].is_floating_point()) return {Tensor()};
    auto shape = io.inputs[0].sizes().vec();
    shape.insert(shape.begin(), columns.size(0));
    return {at::zeros(shape, columns.options())};
  }

  ParamForm form(const std::string&) const override { return ParamForm::embedding; }
  /// k, [n, S]; -1 at the padding.
  Tensor affine_input(const LayerIO& io) const override {
    const auto k = io.inputs[0].to(at::kLong).reshape({io.samples(), -1});
    const auto padding = module_->options.padding_idx();
    return padding ? k.masked_fill(k.eq(*padding), -1) : k;
  }
  Tensor affine_columns(const LayerIO& io, const Tensor& columns) const override {
    const auto positions = io.inputs[0].numel() / io.samples();
    return columns.reshape({columns.size(0), columns.size(1), positions, 1, module_->weight.size(1)});
  }
  Tensor param_jac_t(const LayerIO& io, const std::string&, const Tensor& columns) const override {
    const auto [k, z] = rows_and_values(io, columns);
    auto result = at::zeros({columns.size(0), columns.size(1), module_->weight.size(0), z.size(3)}, columns.options());
    return result.scatter_add_(2, k.unsqueeze(0).unsqueeze(3).expand_as(z), z);
  }
  Tensor sum_param_jac_t(const LayerIO& io, const std::string&, const Tensor& columns) const override {
    const auto [k, z] = rows_and_values(io, columns.sum(0, true));
    return at::zeros_like(module_->weight).index_add_(0, k.flatten(), z.reshape({-1, z.size(3)}));
  }

 private:
  /// Rows [n, S] and what they get, [V, n, S, C]: at the padding row 0 gets zeros.
  std::pair<Tensor, Tensor> rows_and_values(const LayerIO& io, const Tensor& columns) const {
    const auto k = affine_input(io);
    const auto z = affine_columns(io, columns).squeeze(3);
    if (!module_->options.padding_idx()) return {k, z};
    return {k.clamp_min(0), z * k.ge(0).unsqueeze(-1).to(z.scalar_type())};
  }

  std::shared_ptr<torch::nn::EmbeddingImpl> module_;
};

}  // namespace

void register_embedding(RuleTable& table) { table.add<torch::nn::EmbeddingImpl, EmbeddingRule>(); }

}  // namespace backobs
