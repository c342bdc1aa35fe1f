// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace {
using namespace backobs;

/// Gradient descent whose rate t is found anew at every step, on the held mini-batch: t begins at `growth` times the last
/// one, at most lr, and shrinks until f(w - t g) <= f(w) - sufficient t |g|^2 (Armijo). After `tries` shrinkings the step
/// is taken as it is. Rates are of the schedule's making only through their bound lr.
/// Source: Vaswani et al., "Painless stochastic gradient: interpolation, line-search, and convergence rates", NeurIPS 2019.
class LineSearch final : public Runner {
 public:
  static Schema schema() {
    return {Option::real("lr", "largest rate, and the first that is tried").greater_than(0),
            Option::real("sufficient", 0.1, "share of the linear decrease that is enough").greater_than(0).at_most(1),
            Option::real("shrink", 0.7, "factor after a failed try").greater_than(0).at_most(0.99),
            Option::real("growth", 1.5, "factor from one step to the next").at_least(1),
            Option::integer("tries", 30, "shrinkings at most").at_least(0)};
  }
  explicit LineSearch(const Options& options)
      : largest_(options.real("lr")),
        sufficient_(options.real("sufficient")),
        shrink_(options.real("shrink")),
        growth_(options.real("growth")),
        tries_(options.integer("tries")),
        rate_(largest_) {}

  std::string optimizer_name() const override { return "LineSearch"; }
  void prepare(const std::vector<Parameter>& parameters) override {
    for (const auto& parameter : parameters)
      if (parameter.trainable()) weights_.push_back(parameter.value);
  }

  double step(Step& step) override {
    const double loss = step.evaluate_with_gradient();
    const at::NoGradGuard no_graph;
    double square = 0;
    for (const auto& weight : weights_) square += weight.grad().square().sum().item<double>();
    rate_ = std::min(rate_ * growth_, bound());
    const auto start = copies();
    move(start, rate_);
    for (int64_t i = 0; i < tries_ && !(step.evaluate() <= loss - sufficient_ * rate_ * square); ++i) {
      rate_ *= shrink_;
      move(start, rate_);
    }
    return loss;
  }

  void set_rate_factor(double factor) override { factor_ = factor; }
  double rate() const override { return rate_; }
  void save_state(State& state) const override {
    state.put("factor", factor_);
    state.put("rate", rate_);
  }
  void load_state(const State& state) override {
    factor_ = state.real("factor");
    rate_ = state.real("rate");
  }

 private:
  double bound() const { return largest_ * factor_; }
  std::vector<Tensor> copies() const {
    std::vector<Tensor> values;
    for (const auto& weight : weights_) values.push_back(weight.detach().clone());
    return values;
  }
  /// w = start - t g.
  void move(const std::vector<Tensor>& start, double t) {
    for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i].copy_(start[i]).sub_(weights_[i].grad(), t);
  }

  const double largest_, sufficient_, shrink_, growth_;
  const int64_t tries_;
  double rate_, factor_ = 1;
  std::vector<Tensor> weights_;
};
}  // namespace

BACKOBS_RUNNER(LineSearch, "Gradient descent with an Armijo line search on each mini-batch")
