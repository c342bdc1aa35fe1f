// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include <ATen/ATen.h>
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

/// R_n = sum_r sign f f^T of a residual over all its inputs, [n, H, H]; zeros of `features` if it is empty.
inline Tensor residual_matrix(const Residual& residual, int64_t samples, int64_t features) {
  if (residual.diagonal.defined()) return at::diag_embed(residual.diagonal.flatten(1));
  if (residual.empty()) return at::zeros({samples, features, features}, at::kDouble);
  TensorList flat;
  for (const auto& factor : residual.factors) flat.push_back(factor.flatten(2));
  const auto f = at::cat(flat, 2).permute({1, 2, 0});  // [n, H, R]
  return f.matmul((f * residual.signs.t().unsqueeze(1)).transpose(1, 2));
}

inline void expect_close(const Tensor& found, const Tensor& wanted, const std::string& what) {
  ASSERT_EQ(found.sizes(), wanted.sizes()) << what;
  const double scale = wanted.numel() ? wanted.abs().max().item<double>() : 0;
  const double error = wanted.numel() ? (found - wanted).abs().max().item<double>() : 0;
  EXPECT_LE(error, 1e-10 * scale + 1e-13) << what;
}

/// Holds one rule against the defaults on the given inputs (double precision), whole batch and tiles of it.
inline void expect_layer_contract(const std::shared_ptr<const LayerRule>& rule, const TensorList& inputs,
                                  const ForwardContext& context = {}) {
  const at::NoGradGuard no_grad;
  const auto plain = std::make_shared<const DefaultsOnly>(rule);
  RecordedLayer fast(rule, inputs, context), slow(plain, inputs, context);
  expect_close(fast.output(), slow.output(), rule->type() + ": forward");
  const auto output = slow.output();
  fast.release_unread();
  slow.refuse_coupling(context);

  int64_t features = 0;
  for (const auto& input : inputs) features += input.numel() / input.size(0);
  const auto batch = output.size(0), out = output.numel() / batch;
  for (const auto& [first, count] : std::vector<std::pair<int64_t, int64_t>>{{0, batch}, {batch / 2, batch - batch / 2}}) {
    const auto where = rule->type() + ", samples from " + std::to_string(first) + ": ";
    const auto a = fast.io(first, count), b = slow.io(first, count);
    auto shape = output.sizes().vec();
    shape[0] = count;
    const auto grad = at::randn(shape, output.options());
    shape.insert(shape.begin(), 3);
    const auto columns = at::randn(shape, output.options());
    for (std::size_t i = 0; i < inputs.size(); ++i)
      expect_close(rule->jac_t(a, columns)[i], plain->jac_t(b, columns)[i], where + "jac_t");
    for (const auto& parameter : rule->parameters()) {
      expect_close(rule->param_jac_t(a, parameter.name, columns), plain->param_jac_t(b, parameter.name, columns),
                   where + "param_jac_t of " + parameter.name);
      const auto own = rule->param_residual(a, parameter.name, grad), wanted = plain->param_residual(b, parameter.name, grad);
      expect_close(residual_matrix(own, count, parameter.value.numel()),
                   residual_matrix(wanted, count, parameter.value.numel()), where + "param_residual of " + parameter.name);
    }
    const auto residual = residual_matrix(plain->residual(b, grad), count, features);
    expect_close(residual_matrix(rule->residual(a, grad), count, features), residual, where + "residual");
    if (!rule->is_curved()) expect_close(at::zeros_like(residual), residual, where + "is_curved() false");
    if (inputs.size() != 1) continue;
    const auto mat = at::randn({out, out}, output.options());
    expect_close(rule->sum_jac_t_mat_jac(a, mat), plain->sum_jac_t_mat_jac(b, mat), where + "sum_jac_t_mat_jac");
    expect_close(rule->jac_t_diagonal(a, grad, out / 3, out - out / 3)[0],
                 plain->jac_t_diagonal(b, grad, out / 3, out - out / 3)[0], where + "jac_t_diagonal");
    if (rule->is_pointwise()) {
      const auto jacobian = plain->jac_t_diagonal(b, at::ones_like(grad), 0, out)[0].flatten(2);  // [D_out, n, D_in]
      EXPECT_EQ(at::count_nonzero(jacobian - at::diag_embed(at::diagonal(jacobian, 0, 0, 2), 0, 0, 2)).item<int64_t>(), 0)
          << where << "is_pointwise() with an off-diagonal Jacobian";
    }
  }
}

}  // namespace backobs::testing

#define EXPECT_LAYER_CONTRACT(...)                                      \
  do {                                                                  \
    SCOPED_TRACE("layer contract");                                     \
    ::backobs::testing::expect_layer_contract(__VA_ARGS__);             \
  } while (false)
