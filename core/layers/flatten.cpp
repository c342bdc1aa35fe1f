// SPDX-License-Identifier: MIT
#include "network/rule_table.h"

#include <backobs/error.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

namespace backobs {
namespace {

/// Joins axes of one sample. The values stay in order, so columns and matrices only change shape.
class FlattenRule final : public LayerRule {
 public:
  explicit FlattenRule(std::shared_ptr<torch::nn::FlattenImpl> module) : module_(std::move(module)) {
    if (module_->options.start_dim() == 0)
      throw ComputeError("Flatten", "start_dim 0", "start_dim >= 1: the sample axis stays");
  }

  std::string type() const override { return "Flatten"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return inputs[0].flatten(module_->options.start_dim(), module_->options.end_dim());
  }
  bool records_graph() const override { return false; }
  bool jacobian_is_constant() const override { return true; }
  bool is_pointwise() const override { return true; }
  bool is_curved() const override { return false; }
  bool reads_inputs() const override { return false; }
  bool reads_output() const override { return false; }

  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    auto shape = io.inputs[0].sizes().slice(1).vec();
    shape.insert(shape.begin(), {columns.size(0), columns.size(1)});
    return {columns.reshape(shape)};
  }
  Tensor sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const override { return mat * io.samples(); }

 private:
  std::shared_ptr<torch::nn::FlattenImpl> module_;
};

}  // namespace

void register_flatten(RuleTable& table) { table.add<torch::nn::FlattenImpl, FlattenRule>(); }

}  // namespace backobs
