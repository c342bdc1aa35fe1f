// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/module.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

/// Small networks, [N, 6] to [N, 3], with what makes the walk difficult: a module without a rule, a parameter that enters
/// non-linearly, branches that add and multiply.
namespace backobs {

/// x + y, two inputs.
struct AddImpl : torch::nn::Module {
  Tensor forward(const Tensor& x, const Tensor& y) { return x + y; }
};
/// x * y entry by entry: curved jointly in its two inputs.
struct ProductImpl : torch::nn::Module {
  Tensor forward(const Tensor& x, const Tensor& y) { return x * y; }
};
/// a parameter that enters non-linearly.
struct PowerImpl : torch::nn::Module {
  Tensor scale;
  PowerImpl() { scale = register_parameter("scale", at::full({4}, 0.7)); }
  Tensor forward(const Tensor& x) { return x * scale.square(); }
};

inline Network chain() {
  Network net({6});
  net.add("first", torch::nn::Linear(6, 5));
  net.add("sigmoid", torch::nn::Sigmoid());
  net.add("second", torch::nn::Linear(5, 4));
  net.add("mish", torch::nn::Mish());  // no rule: autograd
  net.add("power", std::make_shared<PowerImpl>());
  net.add("tanh", torch::nn::Tanh());
  net.add("last", torch::nn::Linear(4, 3));
  return net;
}

inline Network branches() {
  Network net({6});
  net.add("first", torch::nn::Linear(6, 4));
  const auto trunk = net.add("tanh", torch::nn::Tanh());
  const auto left = net.add("left", torch::nn::Linear(4, 4), {trunk});
  const auto right = net.add("right", torch::nn::Sigmoid(), {trunk});
  const auto sum = net.add("sum", std::make_shared<AddImpl>(), {left, right});
  net.add("product", std::make_shared<ProductImpl>(), {sum, trunk});
  net.add("last", torch::nn::Linear(4, 3));
  return net;
}

}  // namespace backobs
