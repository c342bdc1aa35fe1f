// SPDX-License-Identifier: MIT
#include "network/rule_table.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

namespace backobs {
namespace {

/// y = x.
class IdentityRule final : public LayerRule {
 public:
  explicit IdentityRule(std::shared_ptr<torch::nn::IdentityImpl> module) : module_(std::move(module)) {}
  std::string type() const override { return "Identity"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override { return inputs[0]; }
  bool records_graph() const override { return false; }
  bool jacobian_is_constant() const override { return true; }
  bool is_pointwise() const override { return true; }
  bool is_curved() const override { return false; }
  bool reads_inputs() const override { return false; }
  bool reads_output() const override { return false; }
  TensorList jac_t(const LayerIO&, const Tensor& columns) const override { return {columns}; }
  Tensor sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const override { return mat * io.samples(); }

 private:
  std::shared_ptr<torch::nn::IdentityImpl> module_;
};

}  // namespace

void register_identity(RuleTable& table) { table.add<torch::nn::IdentityImpl, IdentityRule>(); }

}  // namespace backobs
