// SPDX-License-Identifier: MIT
#include <backobs/module.h>
#include <backobs/random.h>
#include <backobs/testing/extension_contract.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

namespace backobs::testing {
namespace {

namespace nn = torch::nn;

constexpr int64_t kSamples = 5;  // no other size below is 5, so that the sample axis is told from others

Tensor draw(uint64_t seed, uint64_t stream, std::vector<int64_t> shape) {
  return at::randn(shape, Random(seed).generator(Draw::probe, stream), at::kDouble);
}

/// Parameters of a size at which nothing saturates, and normal inputs.
void fill(ExtensionCase& tested, uint64_t seed, std::vector<int64_t> sample_shape) {
  const at::NoGradGuard no_grad;
  tested.network.to(at::kDouble, at::kCPU);
  uint64_t stream = 0;
  for (const auto& parameter : tested.network.parameters()) {
    const auto value = draw(seed, ++stream, parameter.value.sizes().vec());
    const double fan = static_cast<double>(parameter.value.numel()) / static_cast<double>(parameter.value.size(0));
    Tensor(parameter.value).copy_(value * (parameter.value.dim() > 1 ? 1.2 / std::sqrt(fan) : 0.5));
  }
  sample_shape.insert(sample_shape.begin(), kSamples);
  tested.batch = {{draw(seed, 1000, sample_shape)}, {}, at::arange(kSamples), kSamples};
}

ExtensionCase dense_layers(uint64_t seed) {
  ExtensionCase tested;
  tested.name = "two dense layers";
  tested.network = Network({4});
  tested.network.add("dense1", nn::Linear(4, 6));
  tested.network.add("tanh", nn::Tanh());
  tested.network.add("dense2", nn::Linear(6, 3));
  fill(tested, seed, {4});
  tested.batch.targets = {at::arange(kSamples).remainder(3)};
  tested.loss = cross_entropy();
  return tested;
}

ExtensionCase convolution(uint64_t seed) {
  ExtensionCase tested;
  tested.name = "convolution";
  tested.network = Network({2, 4, 4});
  tested.network.add("conv", nn::Conv2d(nn::Conv2dOptions(2, 3, 3)));
  tested.network.add("sigmoid", nn::Sigmoid());
  tested.network.add("flatten", nn::Flatten());
  tested.network.add("dense", nn::Linear(12, 2));
  fill(tested, seed + 1, {2, 4, 4});
  tested.batch.targets = {draw(seed + 1, 2000, {kSamples, 2})};
  tested.loss = mean_squared_error(LossReduction::sum);
  return tested;
}

ExtensionCase with_penalty(uint64_t seed) {
  ExtensionCase tested;
  tested.name = "dense layers with penalty";
  tested.network = Network({3});
  tested.network.add("dense1", nn::Linear(3, 4));
  tested.network.add("relu", nn::ReLU());
  tested.network.add("dense2", nn::Linear(nn::LinearOptions(4, 2).bias(false)));
  fill(tested, seed + 2, {3});
  tested.batch.targets = {at::arange(2 * kSamples).reshape({kSamples, 2}).remainder(3).gt(0).to(at::kDouble)};
  tested.loss = binary_cross_entropy();
  tested.l2_reg = 0.3;
  return tested;
}

}  // namespace

std::vector<ExtensionCase> extension_cases(uint64_t seed, int count) {
  std::vector<ExtensionCase> cases;
  if (count > 0) cases.push_back(dense_layers(seed));
  if (count > 1) cases.push_back(convolution(seed));
  if (count > 2) cases.push_back(with_penalty(seed));
  return cases;
}

}  // namespace backobs::testing
