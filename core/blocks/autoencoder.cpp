// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/image_layers.h>
#include <backobs/initialise.h>
#include <backobs/nodes.h>

#include "blocks/initial_values.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

namespace backobs::blocks {

namespace {

using torch::nn::Linear;
constexpr int64_t kLatent = 8, kSide = 28;

torch::nn::LeakyReLU leaky() { return torch::nn::LeakyReLU(torch::nn::LeakyReLUOptions().negative_slope(0.3)); }

/// Ends in the mean and in the logarithm of the standard deviation of the code, both [N, 8].
std::array<NodeId, 2> add_encoder(Network& net) {
  ImageLayers layers(net);
  const auto conv = [&](const std::string& number, int64_t stride) {
    layers.conv("conv" + number, 64, 4, Border::same, stride).add("lrelu" + number, leaky());
    layers.add("dropout" + number, torch::nn::Dropout(0.2));
  };
  conv("1", 2);
  conv("2", 2);
  conv("3", 1);
  const NodeId code = net.add("flatten1", torch::nn::Flatten());
  const NodeId mean = net.add("dense1", Linear(layers.features(), kLatent));
  net.add("dense2", Linear(layers.features(), kLatent), {code});
  return {mean, net.add("log_std", nodes::scale(0.5))};
}

/// From the code [N, 8] to the image.
NodeId add_decoder(Network& net) {
  net.add("dense3", Linear(kLatent, 24));
  net.add("lrelu4", leaky());
  net.add("dense4", Linear(24, 49));
  net.add("lrelu5", leaky());
  net.add("reshape1", nodes::reshape({1, 7, 7}));
  ImageLayers layers(net, {1, 7, 7});
  const auto deconv = [&](const std::string& number, const std::string& dropout, int64_t stride) {
    layers.conv_transpose("deconv" + number, 64, 4, stride).add("relu" + number, torch::nn::ReLU());
    layers.add("dropout" + dropout, torch::nn::Dropout(0.2));
  };
  deconv("1", "4", 2);
  deconv("2", "5", 1);
  deconv("3", "6", 1);  // dropout6 is DeepOBS's in PyTorch; its documentation and its TensorFlow side have none here
  net.add("flatten2", torch::nn::Flatten());
  net.add("dense5", Linear(layers.features(), kSide * kSide));
  net.add("sigmoid", torch::nn::Sigmoid());
  return net.add("image", nodes::reshape({1, kSide, kSide}));
}

}  // namespace

Network vae(const Random& random) {
  Network net({1, kSide, kSide});
  const auto [mean, log_std] = add_encoder(net);
  net.add("sample", nodes::reparametrise(), {mean, log_std});
  const NodeId image = add_decoder(net);
  net.set_outputs({image, mean, log_std});
  const Fill uniform = [&](const Network& n, const std::string& p) { initialise::xavier_uniform(n, p, random); };
  initialise_parameters(net, uniform, uniform, 0);
  return net;
}

}  // namespace backobs::blocks
