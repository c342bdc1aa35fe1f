// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/plugin.h>

#include <ATen/ATen.h>

#include <cmath>
#include <map>

namespace {
using namespace backobs;

/// Signal-to-noise ratio of the mini-batch gradient, followed over steps. With g the gradient and
///
///     v = N^2 / (N - 1) variance,   the unbiased estimate of g's variance, entry by entry, for either loss reduction,
///
/// moving averages m <- beta m + (1 - beta) g and s <- beta s + (1 - beta) v, both divided by 1 - beta^t after t passes:
/// per parameter |m|^2 / sum(s), [], free of scale; `total` is the same over all parameters together. Infinite where
/// there is no noise, no number where there is no gradient either. Needs N >= 2.
class GradientSignal final : public Extension {
 public:
  static Schema schema() {
    return {Option::real("beta", 0.9, "memory of the moving averages").at_least(0).at_most(0.9999)};
  }
  explicit GradientSignal(const Options& options) : beta_(options.real("beta")) {}

  /// The variance is computed once, whoever else reads it; the gradient is there anyway.
  std::vector<Need> needs() const override { return {{Need::What::variance, SignalKey::gradient()}}; }

  void begin_pass(const PassInfo& pass) override {
    if (pass.batch_size < 2) throw ComputeError("extension `gradient_signal`", "a batch of one sample", "two at least");
    passes_ += 1;
    signal_ = noise_ = 0;
  }

  void visit(const ParameterVisit& parameter, Results& results) override {
    const double n = static_cast<double>(parameter.batch_size());
    auto& average = averages_[parameter.info().name];
    follow(average.gradient, parameter.grad());
    follow(average.variance, parameter.variance(SignalKey::gradient()) * (n * n / (n - 1)));
    const double weight = 1 - std::pow(beta_, passes_);
    const auto signal = (average.gradient / weight).square().sum(), noise = average.variance.sum() / weight;
    signal_ += signal.item<double>();
    noise_ += noise.item<double>();
    results.put(parameter, signal / noise);
  }

  void end_pass(Results& results) override { results.put("total", at::scalar_tensor(signal_ / noise_, at::kDouble)); }

  void save_state(State& state) const override {
    state.put("passes", passes_);
    for (const auto& [name, average] : averages_) {
      state.put("gradient/" + name, average.gradient);
      state.put("variance/" + name, average.variance);
    }
  }
  void load_state(const State& state) override {
    passes_ = state.integer("passes");
    const std::string head = "gradient/";
    for (const auto& [key, value] : state.values())
      if (key.compare(0, head.size(), head) == 0) {
        const std::string name = key.substr(head.size());
        averages_[name] = {state.tensor(key).clone(), state.tensor("variance/" + name).clone()};
      }
  }

 private:
  struct Average {
    Tensor gradient, variance;
  };
  /// average <- beta average + (1 - beta) value, from zero.
  void follow(Tensor& average, const Tensor& value) const {
    if (!average.defined()) average = at::zeros_like(value);
    average.mul_(beta_).add_(value, 1 - beta_);
  }

  const double beta_;
  int64_t passes_ = 0;
  double signal_ = 0, noise_ = 0;  // of this pass, over the parameters seen so far
  std::map<std::string, Average> averages_;
};
}  // namespace

BACKOBS_EXTENSION(GradientSignal, "Signal-to-noise ratio of the gradient, followed over steps", "")
