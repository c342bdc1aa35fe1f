// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/error.h>
#include <backobs/image_layers.h>
#include <backobs/initialise.h>

#include "blocks/initial_values.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/upsampling.h>

#include <array>

namespace backobs::blocks {

using torch::nn::Dropout;
using torch::nn::Linear;
using torch::nn::ReLU;

namespace {

std::array<int64_t, 5> convolutions_per_block(int64_t depth) {
  if (depth == 16) return {2, 2, 3, 3, 3};
  if (depth == 19) return {2, 2, 4, 4, 4};
  throw ComputeError("vgg", "depth " + std::to_string(depth), "16 or 19");
}

}  // namespace

Network vgg(int64_t depth, int64_t classes, const Random& random, int64_t size) {
  constexpr std::array<int64_t, 5> channels = {64, 128, 256, 512, 512};
  const auto convolutions = convolutions_per_block(depth);
  Network net({3, 32, 32});
  ImageLayers layers(net);
  const auto enlarge =
      torch::nn::UpsampleOptions().size(std::vector<int64_t>{size, size}).mode(torch::kBilinear).align_corners(true);
  layers.add("upsampling", torch::nn::Upsample(enlarge), {3, size, size});
  for (std::size_t block = 0; block < channels.size(); ++block) {
    const std::string number = std::to_string(block + 1);
    for (int64_t i = 1; i <= convolutions[block]; ++i) {
      const std::string layer = number + std::to_string(i);
      layers.conv("conv" + layer, channels[block], 3, Border::same).add("relu" + layer, ReLU());
    }
    layers.max_pool("max_pool" + number, 2, 2);
  }
  net.add("flatten", torch::nn::Flatten());
  net.add("dense1", Linear(layers.features(), 4096));
  net.add("relu1", ReLU());
  net.add("dropout1", Dropout(0.5));
  net.add("dense2", Linear(4096, 4096));
  net.add("relu2", ReLU());
  net.add("dropout2", Dropout(0.5));
  net.add("dense3", Linear(4096, classes));
  initialise_parameters(
      net, [&](const Network& n, const std::string& p) { initialise::xavier_normal(n, p, random); },
      [&](const Network& n, const std::string& p) { initialise::xavier_uniform(n, p, random); }, 0);
  return net;
}

}  // namespace backobs::blocks
