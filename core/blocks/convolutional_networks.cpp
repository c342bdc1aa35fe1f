// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/image_layers.h>
#include <backobs/initialise.h>

#include "blocks/initial_values.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

namespace backobs::blocks {

using torch::nn::Flatten;
using torch::nn::Linear;
using torch::nn::ReLU;

Network net_2c2d(const Random& random) {
  Network net({1, 28, 28});
  ImageLayers layers(net);
  layers.conv("conv1", 32, 5, Border::same).add("relu1", ReLU()).max_pool("max_pool1", 2, 2);
  layers.conv("conv2", 64, 5, Border::same).add("relu2", ReLU()).max_pool("max_pool2", 2, 2);
  net.add("flatten", Flatten());
  net.add("dense1", Linear(layers.features(), 1024));
  net.add("relu3", ReLU());
  net.add("dense2", Linear(1024, 10));
  const Fill fill = [&](const Network& n, const std::string& p) { initialise::truncated_normal(n, p, 0.05, random); };
  initialise_parameters(net, fill, fill, 0.05);
  return net;
}

Network net_3c3d(int64_t classes, const Random& random) {
  Network net({3, 32, 32});
  ImageLayers layers(net);
  layers.conv("conv1", 64, 5, Border::valid).add("relu1", ReLU()).max_pool("maxpool1", 3, 2);
  layers.conv("conv2", 96, 3, Border::valid).add("relu2", ReLU()).max_pool("maxpool2", 3, 2);
  layers.conv("conv3", 128, 3, Border::same).add("relu3", ReLU()).max_pool("maxpool3", 3, 2);
  net.add("flatten", Flatten());
  net.add("dense1", Linear(layers.features(), 512));
  net.add("relu4", ReLU());
  net.add("dense2", Linear(512, 256));
  net.add("relu5", ReLU());
  net.add("dense3", Linear(256, classes));
  initialise_parameters(
      net, [&](const Network& n, const std::string& p) { initialise::xavier_normal(n, p, random); },
      [&](const Network& n, const std::string& p) { initialise::xavier_uniform(n, p, random); }, 0);
  return net;
}

}  // namespace backobs::blocks
