// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/image_layers.h>
#include <backobs/initialise.h>
#include <backobs/nodes.h>

#include "blocks/initial_values.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>

#include <array>

namespace backobs::blocks {

namespace {

/// 0.9 is the share of the *new* batch, running <- 0.1 running + 0.9 batch: DeepOBS took the number over from
/// TensorFlow, where it is the share of the old value.
torch::nn::BatchNorm2d normalisation(int64_t channels) {
  return torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(channels).momentum(0.9));
}

/// conv2(relu2(bn2(conv1(y)))) of y = relu1(bn1(x)), plus a shortcut. In the first block of a group, which changes the
/// number of channels, the shortcut is a 1x1 convolution of y, else x itself.
void residual_block(ImageLayers& layers, const std::string& name, int64_t channels, int64_t stride, bool first) {
  const auto activate = [&](ImageLayers& branch, const std::string& number) {
    branch.add(name + ".bn" + number, normalisation(branch.channels())).add(name + ".relu" + number, torch::nn::ReLU());
  };
  ImageLayers branch = layers;
  activate(branch, "1");
  ImageLayers shortcut = first ? branch : layers;
  if (first) shortcut.conv(name + ".convFirstBlock", channels, 1, Border::same, stride, false);
  branch.conv(name + ".conv1", channels, 3, Border::same, stride, false);
  activate(branch, "2");
  branch.conv(name + ".conv2", channels, 3, Border::same, 1, false);
  layers = branch.sum(name + ".sum", shortcut);
}

}  // namespace

Network wide_resnet(int64_t blocks_per_group, int64_t widening, int64_t classes, const Random& random) {
  constexpr std::array<int64_t, 3> widths = {16, 32, 64}, strides = {1, 2, 2};
  Network net({3, 32, 32});
  ImageLayers layers(net);
  layers.conv("conv1", widths[0], 3, Border::same, 1, false);
  for (std::size_t group = 0; group < widths.size(); ++group)
    for (int64_t block = 1; block <= blocks_per_group; ++block) {
      const std::string name = "res_unit" + std::to_string(group + 1) + std::to_string(block);
      residual_block(layers, name, widths[group] * widening, block == 1 ? strides[group] : 1, block == 1);
    }
  layers.add("bn", normalisation(layers.channels())).add("relu", torch::nn::ReLU());
  layers.add("avg_pool", torch::nn::AvgPool2d(layers.rows()), {layers.channels(), 1, 1});
  net.add("flatten", torch::nn::Flatten());
  net.add("dense", torch::nn::Linear(layers.features(), classes));
  const Fill uniform = [&](const Network& n, const std::string& p) { initialise::xavier_uniform(n, p, random); };
  initialise_parameters(net, uniform, uniform, 0);
  return net;
}

}  // namespace backobs::blocks
