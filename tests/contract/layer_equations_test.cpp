// SPDX-License-Identifier: MIT
// Equation 25: single layers with the options that are easy to get wrong, several outputs, noise and masks; first order
// and diagonals against brute force.
#include "contract/test_network.h"

#include <backobs/nodes.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/modules/pooling.h>
#include <torch/nn/modules/rnn.h>

namespace backobs {
namespace {

void expect_classified(TestNetwork tested) {
  classify(tested);
  expect_brute_force(tested);
}

/// The layer, a curved activation, logits.
template <typename Module>
void expect_layer(std::vector<int64_t> shape, const Module& layer) {
  auto tested = network_on(shape, 2);
  tested.add("layer", layer);
  tested.add("tanh", nn::Tanh());
  expect_classified(std::move(tested));
}
/// Linear in front, so that the layer has to pass derivatives on.
template <typename Module>
void expect_behind_linear(std::vector<int64_t> shape, const Module& layer) {
  auto tested = network_on(shape, 2);
  tested.add("first", nn::Linear(shape.back(), shape.back()));
  tested.add("layer", layer);
  expect_classified(std::move(tested));
}

TEST(LayerEquations, Convolutions) {
  expect_layer({4, 5, 4}, nn::Conv2d(nn::Conv2dOptions(4, 2, {3, 2}).stride({2, 1}).padding({1, 0}).dilation({1, 2}).groups(2)));
  expect_layer({2, 7}, nn::Conv1d(nn::Conv1dOptions(2, 2, 3).stride(2).padding(1).dilation(2)));
  expect_layer({1, 3, 3, 2}, nn::Conv3d(nn::Conv3dOptions(1, 2, 2).stride({1, 2, 1})));
  expect_layer({2, 3, 2}, nn::ConvTranspose2d(nn::ConvTranspose2dOptions(2, 2, {2, 3}).stride({2, 1}).padding({1, 0}).groups(2)));
  expect_layer({2, 3}, nn::ConvTranspose1d(nn::ConvTranspose1dOptions(2, 1, 3).stride(2).output_padding(1)));
}

TEST(LayerEquations, Pools) {
  expect_behind_linear({1, 5, 5}, nn::AvgPool2d(nn::AvgPool2dOptions(3).stride(2).padding(1)));
  expect_behind_linear({1, 5, 5}, nn::MaxPool2d(nn::MaxPool2dOptions(2).stride(2).dilation(2).ceil_mode(true)));
  expect_behind_linear({1, 5, 5}, nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(1).padding(1)));
  expect_behind_linear({2, 7}, nn::AdaptiveAvgPool1d(3));
  expect_behind_linear({1, 4, 4, 4}, nn::MaxPool3d(nn::MaxPool3dOptions(2)));
}

TEST(LayerEquations, NormalisationInEvaluationMode) {
  const auto check = [](std::vector<int64_t> shape, auto layer) {
    auto tested = network_on(shape, 2);
    tested.add("first", nn::Linear(shape.back(), shape.back()));
    tested.add("norm", layer);
    tested.add("sigmoid", nn::Sigmoid());
    tested.training = false;
    at::NoGradGuard no_grad;
    layer->running_mean.copy_(normal({shape[0]}, 3));
    layer->running_var.copy_(normal({shape[0]}, 4).abs() + 0.3);
    expect_classified(std::move(tested));
  };
  check({4}, nn::BatchNorm1d(4));
  check({2, 3}, nn::BatchNorm1d(2));
  check({2, 2, 3}, nn::BatchNorm2d(2));
  check({2, 2, 1, 2}, nn::BatchNorm3d(2));
}

/// In training a batch is normalised together; what belongs to single samples is of the running statistics, after this
/// step's update, which brute force finds in the module when the pass is over.
TEST(LayerEquations, NormalisationInTraining) {
  auto tested = network_on({2, 3}, 3);
  tested.add("first", nn::Linear(3, 3));
  tested.net.add("norm", nn::BatchNorm1d(2));  // its rule's own forward: the module cannot be told to freeze
  tested.add("sigmoid", nn::Sigmoid());
  classify(tested);
  const auto values = run(tested, std::vector<std::string>{"grad_batch", "diag_ggn_exact", "diag_h"});
  const BruteForce brute(tested.net, *tested.loss(), tested.batch, {true, true, Random(tested.seed), {}}, tested.own);
  for (const auto& parameter : tested.net.parameters()) {
    SCOPED_TRACE(parameter.name);
    const auto get = [&](const std::string& quantity) { return values.at(quantity + "/" + parameter.name)[0]; };
    EXPECT_TRUE(close(get("grad_batch"), brute.gradients(parameter.name)));
    EXPECT_TRUE(close(get("diag_ggn_exact").flatten(), diagonals(brute.ggn(parameter.name)).sum(0)));
    EXPECT_TRUE(close(get("diag_h").flatten(), diagonals(brute.hessians(parameter.name)).sum(0)));
  }
}

/// Rows that several positions of one sample read, and rows that nobody reads.
TEST(LayerEquations, Embeddings) {
  auto tested = network_on({4}, 3);
  tested.batch.inputs = {at::tensor({0, 2, 2, 1, 4, 4, 4, 4, 1, 0, 2, 4}, at::kLong).view({3, 4})};
  tested.add("embedding", nn::Embedding(6, 2));
  tested.add("tanh", nn::Tanh());
  expect_classified(std::move(tested));
}

TEST(LayerEquations, NormalisationOfSamples) {
  expect_behind_linear({4}, nn::LayerNorm(nn::LayerNormOptions({4})));
  expect_behind_linear({3, 2}, nn::LayerNorm(nn::LayerNormOptions({3, 2})));
  expect_behind_linear({4, 3}, nn::GroupNorm(nn::GroupNormOptions(2, 4)));
}

/// The last hidden state of a recurrent layer: no rule, several parameters, each used at every time.
template <typename Recurrent>
struct LastStateImpl : nn::Module {
  Recurrent layer;
  explicit LastStateImpl(Recurrent recurrent) : layer(register_module("layer", recurrent)) {}
  Tensor forward(const Tensor& x) { return std::get<0>(layer(x)).select(1, -1); }
};

TEST(LayerEquations, RecurrentLayersThroughAutograd) {
  const auto rnn = nn::RNN(nn::RNNOptions(2, 2).batch_first(true));
  const auto lstm = nn::LSTM(nn::LSTMOptions(2, 2).batch_first(true));
  expect_layer({3, 2}, std::make_shared<LastStateImpl<nn::RNN>>(rnn));
  expect_layer({3, 2}, std::make_shared<LastStateImpl<nn::LSTM>>(lstm));
}

TEST(LayerEquations, DropoutRepeatsItsMask) {
  auto tested = network_on({5}, 3);
  tested.add("first", nn::Linear(5, 6));
  tested.net.add("dropout", nn::Dropout(0.4));
  tested.add("tanh", nn::Tanh());
  expect_classified(std::move(tested));
}

/// softmax(Q K^T / sqrt(d)) V, from nodes.
TEST(LayerEquations, AttentionFromNodes) {
  auto tested = network_on({3, 2}, 2);
  const auto x = tested.net.last();
  const auto q = tested.add("query", nn::Linear(2, 2), {x});
  const auto k = tested.add("key", nn::Linear(2, 2), {x});
  const auto v = tested.add("value", nn::Linear(2, 2), {x});
  const auto scores = tested.net.add("scores", nodes::matmul(true, 1 / std::sqrt(2.0)), {q, k});
  const auto weights = tested.net.add("weights", nodes::softmax(), {scores});
  tested.net.add("mixed", nodes::matmul(), {weights, v});
  expect_classified(std::move(tested));
}

/// Encoder, two heads that are outputs and are read by the decoder, noise that stays: everything of the autoencoder.
TestNetwork autoencoder() {
  auto tested = network_on({1, 2, 3}, 3);
  tested.add("flatten", nn::Flatten());
  const auto hidden = tested.add("encode", nn::Linear(6, 4));
  const auto trunk = tested.add("tanh", nn::Tanh(), {hidden});
  const auto mu = tested.add("mu", nn::Linear(4, 2), {trunk});
  const auto s = tested.add("s", nn::Linear(4, 2), {trunk});
  tested.net.add("z", nodes::reparametrise(), {mu, s});
  tested.add("decode", nn::Linear(2, 6));
  tested.add("sigmoid", nn::Sigmoid());
  const auto image = tested.net.add("image", nodes::reshape({1, 2, 3}));
  tested.net.set_outputs({image, mu, s});
  fill_parameters(tested);
  tested.batch.targets = {tested.batch.inputs[0]};
  tested.make_loss = [](LossReduction reduction) { return variational_autoencoder(reduction); };
  return tested;
}

TEST(LayerEquations, VariationalAutoencoder) {
  auto tested = autoencoder();
  expect_brute_force(tested);
  tested.reduction = LossReduction::sum;
  expect_brute_force(tested);
  const auto values = run(tested, std::vector<std::string>{"sqrt_ggn_exact", "kflr"});
  const auto brute = brute_force(tested);
  for (const auto& parameter : tested.net.parameters()) {
    const auto& root = values.at("sqrt_ggn_exact/" + parameter.name)[0];
    EXPECT_EQ(root.size(0), 6 + 2 + 2);
    EXPECT_TRUE(close(at::einsum("vni,vnj->nij", {root.flatten(2), root.flatten(2)}), brute.ggn(parameter.name))) << parameter.name;
    if (parameter.value.dim() > 1) continue;
    EXPECT_TRUE(close(values.at("kflr/" + parameter.name)[0], brute.ggn(parameter.name).sum(0))) << parameter.name;
  }
  for (const auto& refusal : Pass(tested.net, tested.loss(), {}).refusals(make(std::vector<std::string>{"kfra"}))) {
    EXPECT_NE(refusal.reason.find("branches part at"), std::string::npos) << refusal.reason;
    EXPECT_EQ(refusal.parameter.find("decode."), std::string::npos) << refusal.parameter;
  }
}

/// Averaged curvature starts at the image alone, whose Hessian is the same for all samples: one layer further down it is
/// still the exact block.
TEST(LayerEquations, AveragedCurvatureOfADecoder) {
  auto tested = autoencoder();
  const auto brute = brute_force(tested);
  const auto values = run(tested, std::vector<std::string>{"kflr", "kfra"});
  EXPECT_TRUE(close(values.at("kfra/decode.bias")[0], brute.ggn("decode.bias").sum(0)));
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_TRUE(close(values.at("kfra/decode.weight")[i], values.at("kflr/decode.weight")[i])) << "part " << i;
  EXPECT_EQ(values.count("kfra/mu.weight"), 0u);
}

/// The same for every tile, and where the draws of another step meet other noise.
TEST(LayerEquations, VariationalAutoencoderInTiles) {
  const auto tested = autoencoder();
  const auto extensions = std::vector<std::string>{"diag_ggn_exact", "diag_h", "diag_ggn_mc", "grad_batch"};
  const auto whole = run(tested, extensions);
  for (const auto& [samples, columns] : std::vector<std::pair<int64_t, int64_t>>{{1, 3}, {2, 0}, {0, 4}}) {
    PassSettings settings;
    settings.tiling.samples = samples;
    settings.tiling.columns = columns;
    Pass pass(tested.net, tested.loss(), settings);
    pass.run(tested.batch, {3, 0, 0, Random(tested.seed)}, true, make(extensions),
             [&](auto& quantity, auto& parameter, const ResultValue& value) {
               EXPECT_TRUE(close(value.tensors[0], whole.at(quantity + "/" + parameter)[0])) << quantity << " of " << parameter;
             });
  }
}

}  // namespace
}  // namespace backobs
