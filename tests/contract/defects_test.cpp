// SPDX-License-Identifier: MIT
// What BackPACK 1.7.1 gets wrong in silence (1 to 9) or refuses although it is reasonable (10 to 14): each is right here, or
// refused with a reason. The numbers of the tests are those of the list in docs/quantities.md, "Where others differ".
#include "contract/test_network.h"

#include <backobs/error.h>
#include <backobs/nodes.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/modules/pooling.h>

namespace backobs {
namespace {

template <typename Module>
TestNetwork convolution_then(std::vector<int64_t> shape, const Module& layer) {
  auto tested = network_on(shape);
  tested.add("conv", nn::Conv2d(nn::Conv2dOptions(shape[0], 2, 3).padding(1)));
  tested.add("layer", layer);
  classify(tested);
  return tested;
}
template <typename Module>
TestNetwork starting_with(std::vector<int64_t> shape, const Module& layer) {
  auto tested = network_on(shape);
  tested.add("layer", layer);
  tested.add("tanh", nn::Tanh());
  classify(tested);
  return tested;
}

/// kflr of every bias is its Gauss-Newton block (of each group), and every weight has two factors.
void expect_kronecker(const TestNetwork& tested) {
  const auto values = run(tested, std::vector<std::string>{"kflr", "kfac"});
  const auto brute = brute_force(tested);
  for (const auto& parameter : tested.net.parameters()) {
    SCOPED_TRACE(parameter.name);
    const auto& kflr = values.at("kflr/" + parameter.name);
    EXPECT_EQ(kflr.size(), parameter.value.dim() > 1 ? 2u : 1u);
    EXPECT_EQ(values.at("kfac/" + parameter.name).size(), kflr.size());
    if (parameter.value.dim() > 1) continue;
    const auto block = brute.ggn(parameter.name).sum(0);
    const bool groups = kflr[0].dim() == 3;
    const auto wanted = groups ? block * at::block_diag(at::ones_like(kflr[0]).unbind()) : block;
    EXPECT_TRUE(close(groups ? at::block_diag(kflr[0].unbind()) : kflr[0], wanted));
  }
}

std::vector<std::string> reasons(const TestNetwork& tested, const std::string& quantity) {
  std::vector<std::string> result;
  for (const auto& refusal : Pass(tested.net, tested.loss(), {}).refusals(make(std::vector<std::string>{quantity}))) result.push_back(refusal.reason);
  return result;
}

/// What products multiply by default at step 0, [1, P].
Tensor default_vector(const TestNetwork& tested, const Parameter& parameter) {
  ParameterInfo info;
  info.name = parameter.name;
  info.shape = parameter.value.sizes().vec();
  ProductVectors vectors(registry().schema("extension", "hmp").check({}, "hmp", "test"));
  return vectors.of(info, {tested.batch.size, 0, 0, Random(tested.seed)}).to(at::kDouble).flatten(1);
}

// --- Silently wrong ---

/// 1: the residual of pchmp is f'' g. One curved layer between the weight and the loss, so that its term can be written
/// out: J^T diag(|f'' g|) J with J the Jacobian of the pre-activation.
TEST(SilentlyWrong, PositiveCurvatureUsesTheGradientOnce) {
  auto tested = network_on({3});
  tested.add("first", nn::Linear(3, 2));
  tested.add("tanh", nn::Tanh());
  classify(tested);
  const auto brute = brute_force(tested);
  const auto y = at::tanh(brute.values()[1].detach());
  const auto z = y.clone().requires_grad_();
  const at::AutoGradMode grad(true);
  const auto& head = tested.net.parameter("logits.weight").value;
  const auto loss = at::cross_entropy_loss(at::linear(z, head, tested.net.parameter("logits.bias").value), tested.batch.targets[0]);
  const auto residual = (-2 * y * (1 - y.square()) * torch::autograd::grad({loss}, {z})[0]).detach();  // f'' g, [N, 2]
  const auto& x = tested.batch.inputs[0];
  for (const std::string mode : {"clip", "abs"}) {
    const auto r = mode == "clip" ? residual.clamp_min(0) : residual.abs();
    EXPECT_GT(r.max().item<double>(), 1e-3);
    const auto terms = at::einsum("no,ni,nj->oij", {r, x, x});
    const auto block = brute.ggn("first.weight").sum(0) + at::block_diag(terms.unbind());
    const auto vector = default_vector(tested, tested.net.parameter("first.weight"));
    const auto values = run(tested, {make("pchmp", {{"modify", raw(mode)}})});
    EXPECT_TRUE(close(values.at("pchmp/first.weight")[0].flatten(1), vector.mm(block))) << mode;
  }
}

/// 2
TEST(SilentlyWrong, DivisorOverrideOfAveragePooling) {
  expect_brute_force(convolution_then({1, 4, 4}, nn::AvgPool2d(nn::AvgPool2dOptions(2).divisor_override(3))));
}

/// 3
TEST(SilentlyWrong, PaddingModesOfConvolutions) {
  for (const nn::Conv2dOptions::padding_mode_t& mode :
       {nn::Conv2dOptions::padding_mode_t(torch::kCircular), nn::Conv2dOptions::padding_mode_t(torch::kReflect),
        nn::Conv2dOptions::padding_mode_t(torch::kReplicate)})
    expect_brute_force(starting_with({2, 4, 3}, nn::Conv2d(nn::Conv2dOptions(2, 2, 3).padding(1).padding_mode(mode))));
}

/// 4
TEST(SilentlyWrong, SamePadding) {
  expect_brute_force(starting_with({2, 4, 3}, nn::Conv2d(nn::Conv2dOptions(2, 2, {2, 3}).padding(torch::kSame))));
}

/// 5
TEST(SilentlyWrong, IgnoredAndUnnormalisedTargets) {
  auto tested = starting_with({4}, nn::Linear(4, 3));
  tested.batch.targets = {at::tensor({0, -100, 1}, at::kLong)};
  expect_brute_force(tested);
  tested.batch.targets = {normal({3, 3}, 5).abs()};
  expect_brute_force(tested);
}

/// 6: one Linear at two places. Everything of the uses adds up; Kronecker factors and pchmp are refused.
TEST(SilentlyWrong, SharedParameters) {
  auto tested = network_on({4});
  const nn::Linear shared(4, 4);
  tested.add("a", shared);
  tested.add("tanh", nn::Tanh());
  tested.add("b", shared);
  classify(tested);
  ASSERT_EQ(tested.net.parameters().size(), 4u);
  expect_brute_force(tested);
  for (const std::string quantity : {"kfac", "kflr", "kfra", "pchmp"}) {
    const auto found = reasons(tested, quantity);
    ASSERT_EQ(found.size(), 2u) << quantity;
    for (const auto& reason : found) EXPECT_NE(reason.find("several uses"), std::string::npos) << reason;
  }
}

/// A module of one's own whose weight may be another's.
struct TiedImpl : nn::Module {
  explicit TiedImpl(const Tensor& shared) : weight(register_parameter("weight", shared)) {}
  Tensor forward(const Tensor& x) { return at::linear(x, weight); }
  Tensor weight;
};

/// 6 as well: one tensor in two modules.
TEST(SilentlyWrong, TiedParameters) {
  auto tested = network_on({4});
  const auto first = std::make_shared<TiedImpl>(at::zeros({4, 4}));
  tested.add("a", first);
  tested.add("tanh", nn::Tanh());
  tested.add("b", std::make_shared<TiedImpl>(first->weight));
  classify(tested);
  ASSERT_EQ(tested.net.parameters().size(), 3u);
  ASSERT_EQ(tested.net.parameters()[0].uses.size(), 2u);
  expect_brute_force(tested);
}

/// 7: what enters dropout is exactly 0, and yet the kept entries pass derivatives on.
TEST(SilentlyWrong, DropoutOfExactZeros) {
  auto tested = network_on({4});
  tested.add("first", nn::Linear(4, 6));
  tested.net.add("dropout", nn::Dropout(0.4));
  classify(tested);
  at::NoGradGuard no_grad;
  for (const auto* name : {"first.weight", "first.bias"}) Tensor(tested.net.parameter(name).value).zero_();
  expect_brute_force(tested);
  EXPECT_GT(run(tested, std::vector<std::string>{"diag_ggn_exact"}).at("diag_ggn_exact/first.bias")[0].max().item<double>(), 1e-3);
}

/// 8: scale and penalty belong to the loss, so second order follows them.
TEST(SilentlyWrong, ScaledAndPenalisedLosses) {
  auto tested = starting_with({4}, nn::Linear(4, 3));
  tested.make_loss = [](LossReduction) {
    CrossEntropyOptions options;
    options.reduction = LossReduction::sum;
    options.weight = {2, 2, 2};
    return cross_entropy(options);
  };
  expect_brute_force(tested);
  tested.penalties = {{"layer.weight", 0.3}, {"logits.weight", 0.3}};
  expect_brute_force(tested);
  const auto values = run(tested, std::vector<std::string>{"grad_batch"});
  EXPECT_TRUE(close(values.at("grad_batch/layer.weight")[0].sum(0), values.at("grad/layer.weight")[0]));
}

/// 9: float32 with a mean far above the spread; and a curvature that overflows if written as e^x / (e^x + 1)^2.
TEST(SilentlyWrong, VarianceWithoutCancellation) {
  TestNetwork tested;
  tested.net = Network({3});
  tested.net.add("dense", nn::Linear(3, 1));
  const at::NoGradGuard no_grad;
  tested.batch = {{(100 + 0.01 * normal({32, 3})).to(at::kFloat)}, {at::full({32, 1}, -1e4, at::kFloat)}, at::arange(32), 32};
  tested.make_loss = [](LossReduction reduction) { return mean_squared_error(reduction); };
  const auto values = run(tested, std::vector<std::string>{"variance", "grad_batch"});
  const auto g = values.at("grad_batch/dense.weight")[0].to(at::kDouble);
  const auto wanted = (g - g.mean(0)).square().mean(0);
  const auto found = values.at("variance/dense.weight")[0].to(at::kDouble);
  EXPECT_TRUE(found.ge(0).all().item<bool>());
  EXPECT_LE(((found - wanted).abs() / wanted).max().item<double>(), 1e-3);
}
TEST(SilentlyWrong, LogSigmoidFarOut) {
  auto tested = network_on({2});
  tested.add("first", nn::Linear(2, 2));
  tested.add("log_sigmoid", nn::LogSigmoid());
  classify(tested);
  at::NoGradGuard no_grad;
  Tensor(tested.net.parameter("first.bias").value).copy_(at::tensor({800.0, -800.0}, at::kDouble));
  for (const auto& [key, value] : run(tested, std::vector<std::string>{"diag_h", "diag_ggn_exact"}))
    EXPECT_TRUE(value[0].isfinite().all().item<bool>()) << key;
}

// --- Failing although reasonable ---

/// 10: float64 while the default type is float32.
TEST(Reasonable, DoublePrecisionWithoutADefault) {
  ASSERT_EQ(at::get_default_dtype(), caffe2::TypeMeta::Make<float>());
  for (const auto& layer : std::vector<std::shared_ptr<nn::Module>>{nn::AvgPool2d(2).ptr(), nn::AdaptiveAvgPool2d(2).ptr(), nn::MaxPool2d(2).ptr()}) {
    auto tested = network_on({1, 4, 4});
    tested.add("conv", nn::Conv2d(nn::Conv2dOptions(1, 2, 3).padding(1)));
    if (auto pool = std::dynamic_pointer_cast<nn::AvgPool2dImpl>(layer)) tested.add("pool", pool);
    if (auto pool = std::dynamic_pointer_cast<nn::AdaptiveAvgPool2dImpl>(layer)) tested.add("pool", pool);
    if (auto pool = std::dynamic_pointer_cast<nn::MaxPool2dImpl>(layer)) tested.add("pool", pool);
    tested.add("flatten", nn::Flatten());
    tested.add("last", nn::Linear(8, 2));
    fill_parameters(tested);
    tested.batch.targets = {normal({3, 2}, 3)};
    tested.make_loss = [](LossReduction reduction) { return mean_squared_error(reduction); };
    expect_brute_force(tested);
    for (const auto& [key, values] : run(tested, std::vector<std::string>{"sqrt_ggn_exact", "sqrt_ggn_mc", "kfra", "kflr", "kfac"}))
      for (const auto& value : values) EXPECT_EQ(value.scalar_type(), at::kDouble) << key;
    EXPECT_EQ(reasons(tested, "kfra").size(), 0u);
  }
}

TEST(Reasonable, DoublePrecisionOfEmbeddings) {
  auto tested = network_on({3});
  tested.batch.inputs = {at::tensor({0, 2, 2, 1, 4, 4, 4, 1, 0}, at::kLong).view({3, 3})};
  tested.add("embedding", nn::Embedding(5, 2));
  tested.add("tanh", nn::Tanh());
  classify(tested);
  expect_brute_force(tested);
  for (const auto& [key, values] : run(tested, std::vector<std::string>{"grad_batch", "sqrt_ggn_exact", "kfra", "kflr", "hmp"}))
    for (const auto& value : values) EXPECT_EQ(value.scalar_type(), at::kDouble) << key;
}

/// 11
TEST(Reasonable, OutputPaddingOfTransposedConvolutions) {
  const auto options = nn::ConvTranspose2dOptions(2, 2, {3, 2}).stride(2).padding({1, 0}).output_padding({1, 1});
  const auto tested = starting_with({2, 2, 3}, nn::ConvTranspose2d(options));
  expect_brute_force(tested);
  expect_kronecker(tested);
}
TEST(Reasonable, AveragePoolingWithCeilMode) {
  expect_brute_force(convolution_then({1, 5, 4}, nn::AvgPool2d(nn::AvgPool2dOptions(2).stride(2).ceil_mode(true))));
  expect_brute_force(convolution_then({1, 5, 4}, nn::AvgPool2d(nn::AvgPool2dOptions(3).stride(2).padding(1).count_include_pad(false))));
}
TEST(Reasonable, AdaptivePoolingOfSizesThatDoNotDivide) {
  expect_brute_force(convolution_then({1, 5, 4}, nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions({2, 3}))));
}
TEST(Reasonable, UnbatchedInputIsRefusedByShape) {
  auto tested = starting_with({2, 4, 3}, nn::Conv2d(nn::Conv2dOptions(2, 2, 3).padding(1)));
  tested.batch.inputs[0] = tested.batch.inputs[0][0];
  try {
    run(tested, std::vector<std::string>{"grad_batch"});
    FAIL();
  } catch (const ComputeError& error) {
    EXPECT_NE(std::string(error.what()).find("[2, 4, 3]"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("[N, *sample]"), std::string::npos) << error.what();
  }
}
TEST(Reasonable, SquaredErrorOfOneOrThreeAxes) {
  auto tested = network_on({4});
  tested.add("first", nn::Linear(4, 1));
  tested.add("tanh", nn::Tanh());
  tested.net.add("squeeze", nodes::reshape({}));
  fill_parameters(tested);
  tested.batch.targets = {normal({3}, 3)};
  tested.make_loss = [](LossReduction reduction) { return mean_squared_error(reduction); };
  expect_brute_force(tested);
  auto image = starting_with({2, 3}, nn::Linear(3, 2));
  image.net.set_outputs({2});
  image.batch.targets = {normal({3, 2, 2}, 3)};
  image.make_loss = tested.make_loss;
  const auto values = run(image, std::vector<std::string>{"diag_ggn_exact", "grad_batch"});
  const auto brute = brute_force(image);
  EXPECT_TRUE(close(values.at("grad_batch/layer.weight")[0], brute.gradients("layer.weight")));
  EXPECT_TRUE(close(values.at("diag_ggn_exact/layer.weight")[0].flatten(), diagonals(brute.ggn("layer.weight")).sum(0)));
}
TEST(Reasonable, BinaryCrossEntropyOfSeveralEntries) {
  auto tested = starting_with({4}, nn::Linear(4, 3));
  tested.batch.targets = {normal({3, 3}, 3).sigmoid()};
  tested.make_loss = [](LossReduction reduction) { return binary_cross_entropy({reduction, {}, {}}); };
  expect_brute_force(tested);
  expect_kronecker(tested);
  EXPECT_EQ(reasons(tested, "kfra").size(), 0u);
}
TEST(Reasonable, GroupsAndPositionsInKroneckerFactors) {
  expect_kronecker(starting_with({4, 3, 3}, nn::Conv2d(nn::Conv2dOptions(4, 6, 2).groups(2))));
  expect_kronecker(starting_with({2, 3, 4}, nn::Linear(4, 3)));
  expect_brute_force(starting_with({4, 3, 3}, nn::Conv2d(nn::Conv2dOptions(4, 6, 2).groups(2))));
}

/// 12: branches, one of them a view that starts where its source does, read in either order.
TEST(Reasonable, BranchesAndSlices) {
  for (const bool swapped : {false, true}) {
    auto tested = network_on({4});
    const auto trunk = tested.add("trunk", nn::Linear(4, 6));
    const auto part = tested.net.add("part", nodes::slice(1, 0, 3), {trunk});
    const auto side = tested.add("side", nn::Linear(6, 3), {trunk});
    const auto curved = tested.add("sigmoid", nn::Sigmoid(), {side});
    tested.net.add("sum", nodes::sum(), swapped ? std::vector<NodeId>{curved, part} : std::vector<NodeId>{part, curved});
    classify(tested);
    expect_brute_force(tested);
    expect_kronecker(tested);
    const auto values = run(tested, std::vector<std::string>{"hmp", "ggnmp"});
    const auto brute = brute_force(tested);
    for (const auto& parameter : tested.net.parameters()) {
      const auto v = default_vector(tested, parameter);
      EXPECT_TRUE(close(values.at("hmp/" + parameter.name)[0].flatten(1), v.mm(brute.hessians(parameter.name).sum(0)))) << parameter.name;
      EXPECT_TRUE(close(values.at("ggnmp/" + parameter.name)[0].flatten(1), v.mm(brute.ggn(parameter.name).sum(0)))) << parameter.name;
    }
    const auto found = reasons(tested, "kfra");
    ASSERT_EQ(found.size(), 4u);
    for (const auto& reason : found) EXPECT_NE(reason.find("branches"), std::string::npos) << reason;
  }
}

/// 13: in-place activations, arithmetic between modules, subclasses of known layers.
TEST(Reasonable, InPlaceActivations) {
  auto tested = network_on({4});
  tested.add("first", nn::Linear(4, 5));
  tested.net.add("relu", nn::ReLU(nn::ReLUOptions().inplace(true)));
  tested.add("second", nn::Linear(5, 5));
  tested.net.add("elu", nn::ELU(nn::ELUOptions().inplace(true)));
  classify(tested);
  expect_brute_force(tested);
}
TEST(Reasonable, ArithmeticBetweenModules) {
  auto tested = network_on({4});
  const auto trunk = tested.add("trunk", nn::Linear(4, 4));
  const auto half = tested.net.add("half", nodes::scale(0.5), {trunk});
  const auto gate = tested.add("gate", nn::Sigmoid(), {trunk});
  const auto product = tested.net.add("product", nodes::product(), {half, gate});
  const auto grown = tested.net.add("exp", nodes::exp(), {half});
  const auto both = tested.net.add("both", nodes::concat(), {product, grown});
  const auto pairs = tested.net.add("pairs", nodes::reshape({4, 2}), {both});
  const auto turned = tested.net.add("turned", nodes::permute({0, 2, 1}), {pairs});
  tested.net.add("mean", nodes::mean({1}), {turned});
  classify(tested);
  expect_brute_force(tested);
  expect_kronecker(tested);
}
struct HalvedLinearImpl : nn::LinearImpl {
  using nn::LinearImpl::LinearImpl;
  Tensor forward(const Tensor& x) { return nn::LinearImpl::forward(x) / 2; }
};
TEST(Reasonable, SubclassesAreTheirOwnLayers) { expect_brute_force(starting_with({4}, std::make_shared<HalvedLinearImpl>(4, 3))); }

/// 14: layers that have no Kronecker factors, products or anything at all elsewhere.
TEST(Reasonable, MoreLayersInEveryQuantity) {
  const auto check = [](const TestNetwork& tested) {
    expect_brute_force(tested);
    for (const std::string quantity : {"kfac", "kflr", "kfra", "ggnmp", "hmp", "pchmp"})
      for (const auto& reason : reasons(tested, quantity)) ADD_FAILURE() << quantity << ": " << reason;
    expect_kronecker(tested);
  };
  check(convolution_then({1, 3, 3}, nn::LeakyReLU()));
  check(convolution_then({1, 3, 3}, nn::ELU()));
  check(convolution_then({1, 3, 3}, nn::SELU()));
  check(convolution_then({1, 3, 3}, nn::LogSigmoid()));
  check(convolution_then({1, 3, 3}, nn::GELU()));
  for (const auto& pool : {true, false}) {
    auto tested = network_on({2, 6});
    tested.add("conv", nn::Conv1d(2, 2, 2));
    if (pool) tested.add("pool", nn::MaxPool1d(2));
    else tested.add("pool", nn::AvgPool1d(2));
    classify(tested);
    check(tested);
  }
}

template <typename Pool>
void expect_pool_of_volumes(const Pool& pool, const std::function<void(const TestNetwork&)>& check) {
  auto tested = network_on({1, 2, 2, 3});
  tested.add("conv", nn::Conv3d(nn::Conv3dOptions(1, 2, 2).padding(1)));
  tested.add("pool", pool);
  classify(tested);
  check(tested);
}
TEST(Reasonable, PoolingOfVolumesInEveryQuantity) {
  const auto check = [](const TestNetwork& tested) {
    expect_brute_force(tested);
    for (const std::string quantity : {"kfac", "kflr", "kfra", "ggnmp", "hmp", "pchmp"})
      for (const auto& reason : reasons(tested, quantity)) ADD_FAILURE() << quantity << ": " << reason;
    expect_kronecker(tested);
  };
  expect_pool_of_volumes(nn::MaxPool3d(2), check);
  expect_pool_of_volumes(nn::AvgPool3d(2), check);
  expect_pool_of_volumes(nn::AdaptiveAvgPool3d(2), check);
}

TEST(Reasonable, AttentionInEveryQuantityButAveragedCurvature) {
  auto tested = network_on({3, 2});
  const auto query = tested.add("query", nn::Linear(2, 2), {0}), key = tested.add("key", nn::Linear(2, 2), {0});
  const auto value = tested.add("value", nn::Linear(2, 2), {0});
  const auto scores = tested.net.add("scores", nodes::matmul(true, 1 / std::sqrt(2.0)), {query, key});
  const auto weights = tested.net.add("weights", nodes::softmax(), {scores});
  tested.net.add("mixed", nodes::matmul(), {weights, value});
  classify(tested);
  expect_brute_force(tested);
  expect_kronecker(tested);
  for (const std::string quantity : {"kfac", "kflr", "ggnmp", "hmp", "pchmp"}) EXPECT_EQ(reasons(tested, quantity).size(), 0u) << quantity;
  for (const auto& reason : reasons(tested, "kfra")) EXPECT_NE(reason.find("branches merge"), std::string::npos) << reason;
  EXPECT_EQ(reasons(tested, "kfra").size(), 6u);
}

/// A scale of a normalisation layer has one factor, its exact block, as a bias has.
TEST(Reasonable, NormalisationInKroneckerFactors) {
  for (const std::string norm : {"batch", "layer", "group"}) {
    auto tested = network_on({4});
    tested.add("first", nn::Linear(4, 4));
    if (norm == "batch") tested.add("norm", nn::BatchNorm1d(4));
    if (norm == "layer") tested.add("norm", nn::LayerNorm(nn::LayerNormOptions({4})));
    if (norm == "group") tested.add("norm", nn::GroupNorm(nn::GroupNormOptions(2, 4)));
    tested.add("tanh", nn::Tanh());
    classify(tested);
    tested.training = false;
    expect_brute_force(tested);
    const auto values = run(tested, std::vector<std::string>{"kflr"});
    const auto brute = brute_force(tested);
    for (const auto* name : {"norm.weight", "norm.bias"}) {
      const auto& factors = values.at(std::string("kflr/") + name);
      ASSERT_EQ(factors.size(), 1u);
      EXPECT_TRUE(close(factors[0], brute.ggn(name).sum(0))) << name;
    }
  }
}

}  // namespace
}  // namespace backobs
