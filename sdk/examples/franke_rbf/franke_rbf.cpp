// SPDX-License-Identifier: MIT
#include "radial_basis.h"

#include <backobs/initialise.h>
#include <backobs/module.h>
#include <backobs/plugin.h>

#include <torch/nn/modules/linear.h>

namespace {
using namespace backobs;

/// Franke's function on the unit square, two peaks, a saddle and a dip. x [M, 2] -> [M, 1].
Tensor franke(const Tensor& x) {
  const auto u = 9 * x.select(1, 0), v = 9 * x.select(1, 1);
  const auto y = 0.75 * at::exp(-((u - 2).square() + (v - 2).square()) / 4) +
                 0.75 * at::exp(-(u + 1).square() / 49 - (v + 1) / 10) +
                 0.5 * at::exp(-((u - 7).square() + (v - 3).square()) / 4) -
                 0.2 * at::exp(-(u - 4).square() - (v - 7).square());
  return y.unsqueeze(1);
}

/// Learns that function from scattered points with Gaussian bumps whose centres move.
class FrankeRbf final : public Problem {
 public:
  static Schema schema() {
    return {Option::integer("bumps", 32, "Gaussian bumps").at_least(1),
            Option::real("sharpness", 20, "a of exp(-a |x - c|^2)").greater_than(0)};
  }
  explicit FrankeRbf(const Options& options) : bumps_(options.integer("bumps")), sharpness_(options.real("sharpness")) {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "Franke, Scattered data interpolation: tests of some methods, Math. Comp. 38, 1982";
    facts.batch_size = 64;
    facts.epochs = 20;
    facts.l2_reg = 1e-5;
    return facts;
  }

  /// Centres are drawn over the square, the heights of the bumps begin at 0.
  Network network(const Random& random) const override {
    auto module = std::make_shared<franke::RadialBasisImpl>(2, bumps_, sharpness_);
    Network net({2});
    net.add("bumps", std::make_shared<const franke::RadialBasisRule>(std::move(module)));
    net.add("heights", torch::nn::Linear(bumps_, 1));
    const auto centres = net.parameter("bumps.centres").value.detach();
    centres.copy_(at::rand({bumps_, 2}, random.generator(Draw::initialisation, "bumps.centres")));
    for (const auto& name : {"heights.weight", "heights.bias"}) initialise::constant(net, name, 0);
    return net;
  }

  std::shared_ptr<const LossRule> loss() const override { return mean_squared_error(); }

  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    const Random random(request.seed);
    TensorSet set;
    const char* const streams[] = {"train", "valid", "test"};
    for (int i = 0; i < 3; ++i) {
      set.inputs[i] = at::rand({1024, 2}, random.generator(Draw::synthetic_data, streams[i]));
      set.targets[i] = franke(set.inputs[i]);
    }
    return tensor_source(std::move(set), request);
  }

  bool is_regularised(const std::string& parameter) const override { return parameter == "heights.weight"; }

 private:
  const int64_t bumps_;
  const double sharpness_;
};
}  // namespace

BACKOBS_PROBLEM(FrankeRbf, "Franke's function by Gaussian bumps that move")
