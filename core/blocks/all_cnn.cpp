// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/image_layers.h>
#include <backobs/initialise.h>

#include "blocks/initial_values.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>

namespace backobs::blocks {

Network allcnnc(const Random& random) {
  using torch::nn::Dropout;
  Network net({3, 32, 32});
  ImageLayers layers(net);
  int64_t number = 0;
  const auto conv = [&](int64_t channels, int64_t kernel, Border border, int64_t stride) {
    const std::string n = std::to_string(++number);
    layers.conv("conv" + n, channels, kernel, border, stride).add("relu" + n, torch::nn::ReLU());
  };
  layers.add("dropout1", Dropout(0.2));
  conv(96, 3, Border::same, 1);
  conv(96, 3, Border::same, 1);
  conv(96, 3, Border::same, 2);
  layers.add("dropout2", Dropout(0.5));
  conv(192, 3, Border::same, 1);
  conv(192, 3, Border::same, 1);
  conv(192, 3, Border::same, 2);
  layers.add("dropout3", Dropout(0.5));
  conv(192, 3, Border::valid, 1);
  conv(192, 1, Border::same, 1);
  conv(100, 1, Border::same, 1);  // its ReLU stands before the mean, so no logit is negative; DeepOBS has it so
  layers.add("mean", torch::nn::AvgPool2d(layers.rows()), {100, 1, 1});
  net.add("flatten", torch::nn::Flatten());
  const Fill normal = [&](const Network& n, const std::string& p) { initialise::xavier_normal(n, p, random); };
  initialise_parameters(net, normal, normal, 0.1);
  return net;
}

}  // namespace backobs::blocks
