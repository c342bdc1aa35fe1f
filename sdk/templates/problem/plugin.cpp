// SPDX-License-Identifier: MIT
#include <backobs/initialise.h>
#include <backobs/module.h>
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

namespace {
using namespace backobs;

/// Two spirals that wind round each other once and a half; which of them does a point lie on? Inputs [M, 2], labels [M].
/// Point r in [0, 1] of spiral c is r (cos t, sin t) with t = 3 pi r + pi c.
class @Class@ final : public Problem {
 public:
  static Schema schema() { return {Option::integer("width", 24, "units of each hidden layer").at_least(1)}; }
  explicit @Class@(const Options& options) : width_(options.integer("width")) {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "after Lang and Witbrock, Learning to tell two spirals apart, 1988";
    facts.batch_size = 64;
    facts.epochs = 30;
    facts.initial_loss = std::log(2.0);
    return facts;
  }
  Network network(const Random& random) const override {
    Network net({2});
    net.add("dense1", torch::nn::Linear(2, width_));
    net.add("mish1", torch::nn::Mish());
    net.add("dense2", torch::nn::Linear(width_, width_));
    net.add("mish2", torch::nn::Mish());
    net.add("dense3", torch::nn::Linear(width_, 2));
    for (const auto& name : {"dense1.weight", "dense2.weight"}) initialise::xavier_uniform(net, name, random);
    for (const auto& name : {"dense1.bias", "dense2.bias", "dense3.weight", "dense3.bias"})
      initialise::constant(net, name, 0);  // the last layer too: both classes are equally likely at first
    return net;
  }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    const Random random(request.seed);
    TensorSet set;
    const char* const streams[] = {"train", "valid", "test"};
    for (int i = 0; i < 3; ++i) {
      const auto r = at::rand({1024}, random.generator(Draw::synthetic_data, streams[i])).sqrt();
      set.targets[i] = at::arange(1024).remainder(2);
      const auto t = M_PI * (3 * r + set.targets[i]);
      set.inputs[i] = at::stack({r * t.cos(), r * t.sin()}, 1);
    }
    return tensor_source(std::move(set), request);
  }

 private:
  const int64_t width_;
};
}  // namespace

BACKOBS_PROBLEM(@Class@, "Tells two spirals apart with two hidden layers of Mish")
