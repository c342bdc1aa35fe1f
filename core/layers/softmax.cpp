// SPDX-License-Identifier: MIT
#include "network/rule_table.h"
#include "network/signed_factors.h"
#include "nodes/axes.h"

#include <backobs/nodes.h>

#include <torch/nn/modules/activation.h>

namespace backobs {
namespace {

/// p = exp(x) / sum exp(x) along one axis; all other axes are rows of their own.
class SoftmaxRule final : public LayerRule {
 public:
  explicit SoftmaxRule(int64_t axis) : axis_(axis) {}
  explicit SoftmaxRule(std::shared_ptr<torch::nn::SoftmaxImpl> module)
      : axis_(module->options.dim()), module_(std::move(module)) {}

  std::string type() const override { return "Softmax"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::softmax(inputs[0], nodes::sample_axis(type(), axis_, inputs[0].dim()));
  }
  bool records_graph() const override { return false; }
  bool reads_inputs() const override { return false; }

  /// J = diag p - p p^T, symmetric.
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    const auto axis = nodes::sample_axis(type(), axis_, io.output.dim());
    const auto weighted = columns * io.output;
    return {weighted - io.output * weighted.sum(axis + 1, true)};
  }
  /// With h = g p and s = sum h, per row: diag h - h p^T - p h^T - s diag p + 2 s p p^T.
  Residual residual(const LayerIO& io, const Tensor& grad) const override {
    const auto axis = nodes::sample_axis(type(), axis_, io.output.dim());
    const auto moved = io.output.transpose(axis, -1);
    const auto p = moved.reshape({moved.size(0), -1, moved.size(-1)});
    const auto h = (grad.transpose(axis, -1).reshape(p.sizes()) * p);
    const auto s = h.sum(-1, true);
    const auto column = p.unsqueeze(-1), row = p.unsqueeze(-2);
    const auto hessian = at::diag_embed(h - s * p) - h.unsqueeze(-1) * row - column * h.unsqueeze(-2) +
                         2 * s.unsqueeze(-1) * column * row;
    auto residual = signed_block_factors(hessian);
    auto& factors = residual.factors.front();
    auto shape = moved.sizes().vec();
    shape.insert(shape.begin(), factors.size(0));
    factors = factors.reshape(shape).transpose(axis + 1, -1);
    return residual;
  }

 private:
  int64_t axis_;
  std::shared_ptr<torch::nn::SoftmaxImpl> module_;
};

}  // namespace

nodes::Rule nodes::softmax(int64_t axis) { return std::make_shared<const SoftmaxRule>(axis); }

void register_softmax(RuleTable& table) { table.add<torch::nn::SoftmaxImpl, SoftmaxRule>(); }

}  // namespace backobs
