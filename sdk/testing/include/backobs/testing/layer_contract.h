// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

/// The contract every layer rule keeps: each override equals the default, which reads its derivatives from autograd.
///
///     EXPECT_LAYER_CONTRACT(std::make_shared<SwishRule>(module), {at::randn({4, 7}, at::kDouble)});
namespace backobs::testing {

/// A rule with nothing but the forward of another: every derivative is the default.
class DefaultsOnly final : public LayerRule {
 public:
  explicit DefaultsOnly(std::shared_ptr<const LayerRule> rule) : rule_(std::move(rule)) {}
  std::string type() const override { return rule_->type(); }
  std::shared_ptr<torch::nn::Module> module() const override { return rule_->module(); }
  std::vector<NamedTensor> parameters() const override { return rule_->parameters(); }
  Tensor forward(const TensorList& inputs, const ForwardContext& context, TensorList& saved) const override {
    return rule_->forward(inputs, context, saved);
  }

 private:
  std::shared_ptr<const LayerRule> rule_;
};

/// R_n = sum_r sign f f^T of a residual over its differentiable inputs [n, *in_i], as [n, H, H].
inline Tensor residual_matrix(const Residual& residual, const TensorList& inputs) {
  if (residual.diagonal.defined()) return at::diag_embed(residual.diagonal.flatten(1));
  TensorList flat;
  const auto samples = inputs.front().size(0), count = residual.empty() ? int64_t{1} : residual.signs.size(0);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].is_floating_point()) continue;
    const bool zero = residual.empty() || !residual.factors[i].defined();
    flat.push_back(zero ? at::zeros({count, samples, inputs[i].numel() / samples}, inputs[i].options())
                        : residual.factors[i].flatten(2));
  }
  if (flat.empty()) return at::zeros({samples, 0, 0}, at::kDouble);
  const auto f = at::cat(flat, 2).permute({1, 2, 0});  // [n, H, R]
  if (residual.empty()) return f.matmul(f.transpose(1, 2));
  return f.matmul((f * residual.signs.t().unsqueeze(1)).transpose(1, 2));
}

/// The same of a residual in one parameter of `size` entries.
inline Tensor parameter_residual_matrix(const Residual& residual, int64_t samples, int64_t size) {
  return residual_matrix(residual, {at::zeros({samples, size}, at::kDouble)});
}

/// Equal shapes, and entries equal to 1e-10 of the largest one wanted.
inline void expect_close(const Tensor& found, const Tensor& wanted, const std::string& what) {
  ASSERT_EQ(found.sizes(), wanted.sizes()) << what;
  const double scale = wanted.numel() ? wanted.abs().max().item<double>() : 0;
  const double error = wanted.numel() ? (found - wanted).abs().max().item<double>() : 0;
  EXPECT_LE(error, 1e-10 * scale + 1e-13) << what;
}

/// The two rules at one tile of their recordings.
struct ContractTile {
  const LayerRule& rule;
  const LayerRule& plain;
  LayerIO a, b;  ///< of rule and of plain
  TensorList inputs;
  Tensor output;
  std::string where;

  int64_t samples() const { return output.size(0); }  ///< n
};

/// Transposed Jacobians into inputs and parameters: all that a layer owes whose samples are coupled.
inline void expect_first_order_contract(const ContractTile& t) {
  auto shape = t.output.sizes().vec();
  shape.insert(shape.begin(), 3);
  const auto columns = at::randn(shape, t.output.options());
  const auto found = t.rule.jac_t(t.a, columns), wanted = t.plain.jac_t(t.b, columns);
  ASSERT_EQ(found.size(), t.inputs.size()) << t.where << "jac_t";
  for (std::size_t i = 0; i < t.inputs.size(); ++i)
    if (t.inputs[i].is_floating_point()) expect_close(found[i], wanted[i], t.where + "jac_t");
  for (const auto& parameter : t.rule.parameters()) {
    const auto each = t.plain.param_jac_t(t.b, parameter.name, columns);
    expect_close(t.rule.param_jac_t(t.a, parameter.name, columns), each, t.where + "param_jac_t of " + parameter.name);
    for (const auto* rule : {&t.rule, &t.plain})
      expect_close(rule->sum_param_jac_t(rule == &t.rule ? t.a : t.b, parameter.name, columns), each.sum(0).sum(0),
                   t.where + "sum_param_jac_t of " + parameter.name);
  }
}

/// Second derivatives: in each parameter, and in the inputs jointly.
inline void expect_residual_contract(const ContractTile& t) {
  const auto grad = at::randn_like(t.output);
  for (const auto& parameter : t.rule.parameters()) {
    const auto matrix = [&](const LayerRule& rule, const LayerIO& io) {
      return parameter_residual_matrix(rule.param_residual(io, parameter.name, grad), t.samples(), parameter.value.numel());
    };
    expect_close(matrix(t.rule, t.a), matrix(t.plain, t.b), t.where + "param_residual of " + parameter.name);
  }
  const auto wanted = residual_matrix(t.plain.residual(t.b, grad), t.inputs);
  expect_close(residual_matrix(t.rule.residual(t.a, grad), t.inputs), wanted, t.where + "residual");
  if (!t.rule.is_curved()) expect_close(at::zeros_like(wanted), wanted, t.where + "is_curved() false");
}

/// What rules of one input owe the averaged curvature and diagonal factors.
inline void expect_one_input_contract(const ContractTile& t) {
  const auto grad = at::randn_like(t.output);
  const auto out = t.output.numel() / t.samples();
  const auto mat = at::randn({out, out}, t.output.options());
  expect_close(t.rule.sum_jac_t_mat_jac(t.a, mat), t.plain.sum_jac_t_mat_jac(t.b, mat), t.where + "sum_jac_t_mat_jac");
  expect_close(t.rule.jac_t_diagonal(t.a, grad, out / 3, out - out / 3)[0],
               t.plain.jac_t_diagonal(t.b, grad, out / 3, out - out / 3)[0], t.where + "jac_t_diagonal");
  if (!t.rule.is_pointwise()) return;
  const auto jacobian = t.plain.jac_t_diagonal(t.b, at::ones_like(grad), 0, out)[0].flatten(2);  // [D_out, n, D_in]
  EXPECT_EQ(at::count_nonzero(jacobian - at::diag_embed(at::diagonal(jacobian, 0, 0, 2), 0, 0, 2)).item<int64_t>(), 0)
      << t.where << "is_pointwise() with an off-diagonal Jacobian";
}

/// Holds one rule against the defaults on the given inputs (double precision), whole batch and tiles of it. Where the
/// rule says that samples are coupled, there is the whole batch and its first derivatives alone.
inline void expect_layer_contract(const std::shared_ptr<const LayerRule>& rule, const TensorList& inputs,
                                  const ForwardContext& context = {}) {
  const at::NoGradGuard no_grad;
  const auto plain = std::make_shared<const DefaultsOnly>(rule);
  RecordedLayer fast(rule, inputs, context), slow(plain, inputs, context);
  expect_close(fast.output(), slow.output(), rule->type() + ": forward");
  const auto output = slow.output();
  fast.release_unread();
  const bool coupled = rule->couples_samples(context);
  if (!coupled) slow.refuse_coupling(context);

  const auto batch = output.size(0);
  for (const auto& [first, count] : std::vector<std::pair<int64_t, int64_t>>{{0, batch}, {batch / 2, batch - batch / 2}}) {
    ContractTile tile{*rule, *plain, fast.io(first, count), slow.io(first, count), {}, output.narrow(0, first, count),
                      rule->type() + ", samples from " + std::to_string(first) + ": "};
    for (const auto& input : inputs) tile.inputs.push_back(input.narrow(0, first, count));
    expect_first_order_contract(tile);
    if (coupled) return;
    expect_residual_contract(tile);
    if (inputs.size() == 1 && inputs[0].is_floating_point()) expect_one_input_contract(tile);
  }
}

}  // namespace backobs::testing

/// The same as an assertion that names its line.
#define EXPECT_LAYER_CONTRACT(...)                                      \
  do {                                                                  \
    SCOPED_TRACE("layer contract");                                     \
    ::backobs::testing::expect_layer_contract(__VA_ARGS__);             \
  } while (false)
