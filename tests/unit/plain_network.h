// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/loss.h>
#include <backobs/network.h>

#include "tolerance.h"
#include "walk/pass.h"

#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// A network of the library against the same one written down once more with functional calls and LibTorch's autograd,
/// paddings as plain numbers, weights copied: output, loss and gradient in float64.
namespace backobs {

/// The parameters of a network once more, as leaves of autograd's own.
class Plain {
 public:
  explicit Plain(const Network& net) {
    for (const auto& parameter : net.parameters())
      leaves_[parameter.name] = parameter.value.detach().clone().requires_grad_(true);
  }
  const Tensor& operator[](const std::string& name) const { return leaves_.at(name); }
  Tensor optional(const std::string& name) const { return leaves_.count(name) ? leaves_.at(name) : Tensor(); }
  const std::map<std::string, Tensor>& leaves() const { return leaves_; }

  /// Zeros `before` and `after` both axes, then a convolution; `name` with its place in DeepOBS's container.
  Tensor conv(const Tensor& x, const std::string& name, int64_t before, int64_t after, int64_t stride = 1) const {
    const auto padded = at::constant_pad_nd(x, {before, after, before, after});
    return at::conv2d(padded, leaves_.at(name + ".weight"), optional(name + ".bias"), stride);
  }
  /// All windows, of which `before` lines are cut off at the top and left and `after` at the bottom and right.
  Tensor deconv(const Tensor& x, const std::string& name, int64_t stride, int64_t before, int64_t after) const {
    const auto all = at::conv_transpose2d(x, leaves_.at(name + ".weight"), leaves_.at(name + ".bias"), stride);
    return at::constant_pad_nd(all, {-before, -after, -before, -after});
  }
  Tensor dense(const Tensor& x, const std::string& name) const {
    return at::linear(x, leaves_.at(name + ".weight"), leaves_.at(name + ".bias"));
  }
  /// By statistics of the batch if `training`, else by mean 0 and variance 1, as they are before training.
  Tensor norm(const Tensor& x, const std::string& name, bool training) const {
    const auto zeros = at::zeros({x.size(1)}, at::kDouble), ones = at::ones({x.size(1)}, at::kDouble);
    const auto &scale = leaves_.at(name + ".weight"), &shift = leaves_.at(name + ".bias");
    return at::batch_norm(x, scale, shift, zeros, ones, training, 0.9, 1e-5, false);
  }

 private:
  std::map<std::string, Tensor> leaves_;
};

inline Tensor draw(std::vector<int64_t> shape, const std::string& stream) {
  return at::randn(shape, Random(3).generator(Draw::probe, stream), at::kDouble);
}

/// Biases are 0 or alike at the beginning: where one belongs would not show.
inline Network shaken(Network net) {
  net.to(at::kDouble, at::kCPU);
  const at::NoGradGuard no_grad;
  for (const auto& parameter : net.parameters())
    if (Tensor value = parameter.value; value.dim() == 1) value.add_(draw(value.sizes().vec(), parameter.name), 0.1);
  return net;
}

struct PlainResult {
  Tensor output, loss;
};

inline void expect_equal(const Network& net, const std::shared_ptr<const LossRule>& loss, const Batch& batch,
                         bool training, const std::function<PlainResult(const Plain&)>& build) {
  const Plain plain(net);
  PlainResult wanted;
  std::vector<Tensor> leaves, gradients;
  {
    const at::AutoGradMode grad(true);
    wanted = build(plain);
    for (const auto& [name, leaf] : plain.leaves()) leaves.push_back(leaf);
    gradients = torch::autograd::grad({wanted.loss}, leaves);
  }
  Pass pass(net, loss, {});
  const auto found = pass.run(batch, {batch.size, 0, 0, Random(5)}, training);
  EXPECT_TRUE(equal_up_to_rounding(found.output, wanted.output));
  EXPECT_NEAR(found.evaluation.loss, wanted.loss.item<double>(), 1e-10 * std::abs(wanted.loss.item<double>()));
  std::size_t i = 0;
  for (const auto& [name, leaf] : plain.leaves())
    EXPECT_TRUE(tensors_near(net.parameter(name).value.grad(), gradients[i++], 1e-9, 1e-13)) << name;
}

/// Cross entropy over logits.
inline void expect_equal_classifier(const Network& net, std::vector<int64_t> shape, bool training,
                                    const std::function<Tensor(const Plain&, const Tensor&)>& logits) {
  shape.insert(shape.begin(), 3);
  const auto x = draw(shape, "images");
  const auto labels = at::tensor({3, 0, 7}, at::kLong);
  const Batch batch{{x}, {labels}, at::arange(3), 3};
  expect_equal(net, cross_entropy(), batch, training, [&](const Plain& plain) {
    const auto output = logits(plain, x);
    return PlainResult{output, at::cross_entropy_loss(output, labels)};
  });
}

}  // namespace backobs
