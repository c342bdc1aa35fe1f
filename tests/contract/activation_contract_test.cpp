// SPDX-License-Identifier: MIT
// Activations and dropout against the defaults, which read from autograd.
#include "contract/contract_rules.h"
#include "network/in_place.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

namespace backobs {
namespace {

namespace nn = torch::nn;

/// jac_t and the same into the columns, to the bit.
void expect_same_in_place(const std::shared_ptr<const LayerRule>& rule, const Tensor& input) {
  const auto* in_place = dynamic_cast<const InPlaceRule*>(rule.get());
  if (!in_place) return;
  const RecordedLayer layer(rule, {input}, {});
  const auto io = layer.io(0, input.size(0));
  auto columns = at::randn_like(input.expand({3, -1, -1, -1}), at::MemoryFormat::Contiguous);
  const auto wanted = rule->jac_t(io, columns).front();
  in_place->jac_t_in_place(io, columns);
  EXPECT_TRUE(columns.equal(wanted)) << rule->type();
}

/// On ordinary values, on one sample, on a view, and where the curves flatten out.
void expect_activation_contract(const std::shared_ptr<const LayerRule>& rule) {
  EXPECT_FALSE(rule->records_graph()) << rule->type() << " has no rule of its own";
  expect_same_in_place(rule, random({4, 3, 2}));
  EXPECT_LAYER_CONTRACT(rule, {random({4, 3, 2})});
  EXPECT_LAYER_CONTRACT(rule, {random({1, 5})});
  EXPECT_LAYER_CONTRACT(rule, {random({5, 4}).t()});
  EXPECT_LAYER_CONTRACT(rule, {10 * random({3, 7}, 2)});
}

/// f' and f'' stay finite where exp(|x|) overflows, and the tails are exact: 0 curvature, and the given slopes.
void expect_finite_tails(const std::shared_ptr<const LayerRule>& rule, double left_slope, double right_slope) {
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    const auto x = at::tensor({-800.0, 800.0}, at::kDouble).to(dtype).unsqueeze(0);
    const RecordedLayer layer(rule, {x}, {});
    const auto& elementwise = dynamic_cast<const ElementwiseRule&>(*rule);
    const auto df = elementwise.df(layer.io(0, 1)), d2f = elementwise.d2f(layer.io(0, 1));
    EXPECT_EQ(df[0][0].item<double>(), left_slope) << rule->type();
    EXPECT_EQ(df[0][1].item<double>(), static_cast<double>(at::tensor(right_slope, dtype).item<double>())) << rule->type();
    EXPECT_TRUE(!d2f.defined() || d2f.eq(0).all().item<bool>()) << rule->type() << ": " << d2f;
  }
}

TEST(ActivationContract, LeakyRelu) {
  for (const double slope : {0.01, 0.1, 0.0, 1.0, -0.3})
    expect_activation_contract(rule_of(nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(slope))));
}
TEST(ActivationContract, Elu) {
  for (const double alpha : {1.0, 0.7, 3.0}) expect_activation_contract(rule_of(nn::ELU(nn::ELUOptions().alpha(alpha))));
  expect_finite_tails(rule_of(nn::ELU()), 0, 1);
}
TEST(ActivationContract, Selu) {
  expect_activation_contract(rule_of(nn::SELU()));
  expect_finite_tails(rule_of(nn::SELU()), 0, 1.0507009873554804934193349852946);
}
TEST(ActivationContract, LogSigmoid) {
  expect_activation_contract(rule_of(nn::LogSigmoid()));
  expect_finite_tails(rule_of(nn::LogSigmoid()), 1, 0);
}
TEST(ActivationContract, Gelu) {
  for (const auto* approximate : {"none", "tanh"}) {
    const auto rule = rule_of(nn::GELU(nn::GELUOptions().approximate(approximate)));
    expect_activation_contract(rule);
    expect_finite_tails(rule, 0, 1);
  }
}
TEST(ActivationContract, Silu) {
  expect_activation_contract(rule_of(nn::SiLU()));
  expect_finite_tails(rule_of(nn::SiLU()), 0, 1);
}
TEST(ActivationContract, Softplus) {
  for (const double beta : {1.0, 0.5, 4.0})
    for (const double threshold : {20.0, 1.0})
      expect_activation_contract(rule_of(nn::Softplus(nn::SoftplusOptions().beta(beta).threshold(threshold))));
  expect_finite_tails(rule_of(nn::Softplus()), 0, 1);
}
TEST(ActivationContract, Hardtanh) {
  expect_activation_contract(rule_of(nn::Hardtanh()));
  expect_activation_contract(rule_of(nn::Hardtanh(nn::HardtanhOptions().min_val(-0.2).max_val(2.5))));
}
TEST(ActivationContract, Relu6) { expect_activation_contract(rule_of(nn::ReLU6())); }
TEST(ActivationContract, Relu) { expect_activation_contract(rule_of(nn::ReLU())); }
TEST(ActivationContract, Sigmoid) {
  expect_activation_contract(rule_of(nn::Sigmoid()));
  expect_finite_tails(rule_of(nn::Sigmoid()), 0, 0);
}
TEST(ActivationContract, Tanh) { expect_activation_contract(rule_of(nn::Tanh())); }
TEST(ActivationContract, Identity) { EXPECT_LAYER_CONTRACT(rule_of(nn::Identity()), {random({4, 3, 2})}); }

TEST(ActivationContract, InPlaceModulesLeaveTheirInputAlone) {
  const auto x = random({4, 3}), copy = x.clone();
  ForwardContext training;
  training.training = true;
  for (const auto& rule :
       {rule_of(nn::ReLU(nn::ReLUOptions(true))), rule_of(nn::ELU(nn::ELUOptions().inplace(true))),
        rule_of(nn::SELU(nn::SELUOptions(true))), rule_of(nn::LeakyReLU(nn::LeakyReLUOptions().inplace(true))),
        rule_of(nn::Hardtanh(nn::HardtanhOptions().inplace(true))), rule_of(nn::ReLU6(nn::ReLU6Options(true))),
        rule_of(nn::Dropout(nn::DropoutOptions(0.5).inplace(true)))}) {
    TensorList saved;
    EXPECT_FALSE(rule->forward({x}, training, saved).is_same(x));
    EXPECT_TRUE(x.equal(copy)) << rule->type();
  }
}

ForwardContext training_at(int64_t step, std::string_view node) { return {true, false, Random(7, 0, step), node}; }

TEST(Dropout, KeepsTheContract) {
  for (const double p : {0.0, 0.3, 1.0}) {
    EXPECT_LAYER_CONTRACT(rule_of(nn::Dropout(p)), {random({4, 3, 5})}, training_at(0, "drop"));
    EXPECT_LAYER_CONTRACT(rule_of(nn::Dropout2d(p)), {random({4, 3, 2, 2})}, training_at(0, "drop"));
    EXPECT_LAYER_CONTRACT(rule_of(nn::Dropout3d(p)), {random({2, 3, 2, 2, 2})}, training_at(0, "drop"));
  }
  EXPECT_LAYER_CONTRACT(rule_of(nn::Dropout(0.4)), {random({4, 3})});
}

TEST(Dropout, MasksFollowStepAndNode) {
  const auto rule = rule_of(nn::Dropout(0.5));
  const auto output = [&](const ForwardContext& context) {
    TensorList saved;
    return rule->forward({at::ones({40, 50}, at::kDouble)}, context, saved);
  };
  const auto once = output(training_at(3, "drop1"));
  EXPECT_TRUE(once.equal(output(training_at(3, "drop1"))));
  EXPECT_FALSE(once.equal(output(training_at(4, "drop1"))));
  EXPECT_FALSE(once.equal(output(training_at(3, "drop2"))));
  EXPECT_TRUE(output({}).equal(at::ones({40, 50}, at::kDouble)));
  EXPECT_TRUE((once.eq(0) | once.eq(2)).all().item<bool>());
  EXPECT_NEAR(once.mean().item<double>(), 1, 6 / std::sqrt(2000.0));  // six standard errors of a mean of {0, 2}
}

/// An input that is exactly 0 is not a dropped one.
TEST(Dropout, KeptZerosPassTheirDerivative) {
  const auto rule = rule_of(nn::Dropout(0.5));
  const RecordedLayer zeros(rule, {at::zeros({20, 30}, at::kDouble)}, training_at(0, "drop"));
  const RecordedLayer ones(rule, {at::ones({20, 30}, at::kDouble)}, training_at(0, "drop"));
  const auto columns = at::ones({1, 20, 30}, at::kDouble);
  EXPECT_TRUE(rule->jac_t(zeros.io(0, 20), columns)[0][0].equal(ones.output()));
}

TEST(Dropout, ChannelsDropAsAWhole) {
  TensorList saved;
  const auto y = rule_of(nn::Dropout2d(0.5))->forward({at::ones({30, 4, 3, 3}, at::kDouble)}, training_at(0, "drop"), saved);
  EXPECT_TRUE(y.eq(y.narrow(2, 0, 1).narrow(3, 0, 1)).all().item<bool>());
  EXPECT_TRUE(y.eq(0).any().item<bool>() && y.eq(2).any().item<bool>());
}

}  // namespace
}  // namespace backobs
