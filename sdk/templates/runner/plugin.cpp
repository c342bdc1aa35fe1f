// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace {
using namespace backobs;

/// Normalised gradient descent: w <- w - lr g / |g|, the norm over all parameters; where g = 0 it stays.
/// Source: Nesterov, "Minimization methods for nonsmooth convex and quasiconvex functions", 1984.
class @Class@ final : public Runner {
 public:
  static Schema schema() { return {Option::real("lr", "length of a step").greater_than(0)}; }
  explicit @Class@(const Options& options) : base_rate_(options.real("lr")) {}

  std::string optimizer_name() const override { return "@Name@"; }
  void prepare(const std::vector<Parameter>& parameters) override {
    for (const auto& parameter : parameters)
      if (parameter.trainable()) weights_.push_back(parameter.value);
  }
  double step(Step& step) override {
    const double loss = step.evaluate_with_gradient();
    const at::NoGradGuard no_graph;
    double square = 0;
    for (const auto& weight : weights_) square += weight.grad().square().sum().item<double>();
    if (square > 0)
      for (auto& weight : weights_) weight.sub_(weight.grad(), rate() / std::sqrt(square));
    return loss;
  }
  void set_rate_factor(double factor) override { factor_ = factor; }
  double rate() const override { return base_rate_ * factor_; }
  void save_state(State& state) const override { state.put("factor", factor_); }
  void load_state(const State& state) override { factor_ = state.real("factor"); }

 private:
  const double base_rate_;
  double factor_ = 1;
  std::vector<at::Tensor> weights_;
};
}  // namespace

BACKOBS_RUNNER(@Class@, "Gradient descent with steps of one length")
