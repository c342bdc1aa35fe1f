// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/initialise.h>
#include <backobs/module.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

#include <array>
#include <string>

namespace backobs::blocks {

namespace {

const std::vector<int64_t> kImage = {1, 28, 28};
constexpr int64_t kPixels = 784, kClasses = 10;

}  // namespace

Network logreg() {
  Network net(kImage);
  net.add("flatten", torch::nn::Flatten());
  net.add("dense", torch::nn::Linear(kPixels, kClasses));
  for (const auto* parameter : {"dense.weight", "dense.bias"}) initialise::constant(net, parameter, 0);
  return net;
}

Network mlp(const Random& random) {
  constexpr std::array<int64_t, 5> widths = {kPixels, 1000, 500, 100, kClasses};
  Network net(kImage);
  net.add("flatten", torch::nn::Flatten());
  for (std::size_t layer = 1; layer < widths.size(); ++layer) {
    const std::string number = std::to_string(layer), dense = "dense" + number;
    net.add(dense, torch::nn::Linear(widths[layer - 1], widths[layer]));
    if (layer + 1 < widths.size()) net.add("relu" + number, torch::nn::ReLU());
    initialise::truncated_normal(net, dense + ".weight", 0.03, random);
    initialise::constant(net, dense + ".bias", 0);
  }
  return net;
}

}  // namespace backobs::blocks
