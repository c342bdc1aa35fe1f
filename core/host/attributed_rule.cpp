// SPDX-License-Identifier: MIT
#include "host/attributed_rule.h"

#include "host/at_work.h"

#include <utility>

namespace backobs {
namespace {

/// Base is LayerRule or ElementwiseRule: fast paths ask which of the two a rule is.
template <typename Base>
class AttributedRule : public Base {
 public:
  AttributedRule(std::string plugin, std::shared_ptr<const LayerRule> inner)
      : plugin_(std::move(plugin)), inner_(std::move(inner)) {}

  std::string type() const override { return at("type", [&] { return inner().type(); }); }
  std::shared_ptr<torch::nn::Module> module() const override { return at("module", [&] { return inner().module(); }); }
  std::vector<NamedTensor> parameters() const override { return at("parameters", [&] { return inner().parameters(); }); }
  Tensor forward(const TensorList& inputs, const ForwardContext& context, TensorList& saved) const override {
    return at("forward", [&] { return inner().forward(inputs, context, saved); });
  }
  bool records_graph() const override { return at("records_graph", [&] { return inner().records_graph(); }); }
  bool couples_samples(const ForwardContext& context) const override {
    return at("couples_samples", [&] { return inner().couples_samples(context); });
  }
  bool jacobian_is_constant() const override {
    return at("jacobian_is_constant", [&] { return inner().jacobian_is_constant(); });
  }
  bool is_pointwise() const override { return at("is_pointwise", [&] { return inner().is_pointwise(); }); }
  bool is_curved() const override { return at("is_curved", [&] { return inner().is_curved(); }); }
  bool reads_inputs() const override { return at("reads_inputs", [&] { return inner().reads_inputs(); }); }
  bool reads_output() const override { return at("reads_output", [&] { return inner().reads_output(); }); }
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    return at("jac_t", [&] { return inner().jac_t(io, columns); });
  }
  TensorList jac_t_diagonal(const LayerIO& io, const Tensor& diagonal, int64_t first, int64_t count) const override {
    return at("jac_t_diagonal", [&] { return inner().jac_t_diagonal(io, diagonal, first, count); });
  }
  Tensor param_jac_t(const LayerIO& io, const std::string& parameter, const Tensor& columns) const override {
    return at("param_jac_t", [&] { return inner().param_jac_t(io, parameter, columns); });
  }
  Tensor sum_param_jac_t(const LayerIO& io, const std::string& parameter, const Tensor& columns) const override {
    return at("sum_param_jac_t", [&] { return inner().sum_param_jac_t(io, parameter, columns); });
  }
  Tensor sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const override {
    return at("sum_jac_t_mat_jac", [&] { return inner().sum_jac_t_mat_jac(io, mat); });
  }
  Residual residual(const LayerIO& io, const Tensor& grad) const override {
    return at("residual", [&] { return inner().residual(io, grad); });
  }
  Residual param_residual(const LayerIO& io, const std::string& parameter, const Tensor& grad) const override {
    return at("param_residual", [&] { return inner().param_residual(io, parameter, grad); });
  }
  ParamForm form(const std::string& parameter) const override {
    return at("form", [&] { return inner().form(parameter); });
  }
  Tensor affine_input(const LayerIO& io) const override {
    return at("affine_input", [&] { return inner().affine_input(io); });
  }
  Tensor affine_columns(const LayerIO& io, const Tensor& columns) const override {
    return at("affine_columns", [&] { return inner().affine_columns(io, columns); });
  }
  Tensor from_affine(const std::string& parameter, const Tensor& value) const override {
    return at("from_affine", [&] { return inner().from_affine(parameter, value); });
  }
  Tensor to_affine(const std::string& parameter, const Tensor& value, const std::vector<int64_t>& sizes) const override {
    return at("to_affine", [&] { return inner().to_affine(parameter, value, sizes); });
  }

 protected:
  const LayerRule& inner() const { return *inner_; }
  template <typename Call>
  auto at(const char* phase, Call call) const -> decltype(call()) {
    const AtWork mark("layer", plugin_, phase);
    return call();
  }

 private:
  std::string plugin_;
  std::shared_ptr<const LayerRule> inner_;
};

class AttributedElementwiseRule final : public AttributedRule<ElementwiseRule> {
 public:
  using AttributedRule::AttributedRule;
  Tensor df(const LayerIO& io) const override { return at("df", [&] { return elementwise().df(io); }); }
  Tensor d2f(const LayerIO& io) const override { return at("d2f", [&] { return elementwise().d2f(io); }); }

 private:
  const ElementwiseRule& elementwise() const { return static_cast<const ElementwiseRule&>(inner()); }
};

}  // namespace

std::shared_ptr<const LayerRule> attributed(const std::string& plugin, std::shared_ptr<const LayerRule> rule) {
  if (!rule) return rule;
  if (dynamic_cast<const ElementwiseRule*>(rule.get()))
    return std::make_shared<const AttributedElementwiseRule>(plugin, std::move(rule));
  return std::make_shared<const AttributedRule<LayerRule>>(plugin, std::move(rule));
}

}  // namespace backobs
