// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/optimizer_runner.h>
#include <backobs/plugin.h>

#include <torch/optim/adam.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace backobs;
using torch::optim::AdamOptions;
using torch::optim::AdamParamState;

/// Adam (Kingma and Ba, ICLR 2015), at step t of a parameter, entry by entry:
///     m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,
///     w <- w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).
class Adam final : public OptimizerRunner<torch::optim::Adam, AdamParamState> {
 public:
  static Schema schema() {
    return {Option::real("lr", 0.001, "learning rate").at_least(0),
            Option::reals("betas", {0.9, 0.999}, "decay of the means of gradient and squared gradient").at_least(0),
            Option::real("eps", 1e-8, "added to the root of the mean squared gradient").at_least(0)};
  }

  explicit Adam(const Options& options)
      : OptimizerRunner(options.real("lr")), betas_(options.reals("betas")), eps_(options.real("eps")) {
    if (betas_.size() != 2 || betas_[0] >= 1 || betas_[1] >= 1)
      throw ConfigError("runner `adam`", "betas " + to_text(options.values().at("betas")), "two numbers below 1");
  }

  std::string optimizer_name() const override { return "Adam"; }

 private:
  std::unique_ptr<torch::optim::Adam> make_optimizer(std::vector<at::Tensor> values, double rate) const override {
    return std::make_unique<torch::optim::Adam>(std::move(values),
                                                AdamOptions(rate).betas({betas_[0], betas_[1]}).eps(eps_));
  }
  void save(State& state, const std::string& parameter, const AdamParamState& held) const override {
    state.put("step/" + parameter, held.step());
    state.put("exp_avg/" + parameter, held.exp_avg().clone());
    state.put("exp_avg_sq/" + parameter, held.exp_avg_sq().clone());
  }
  std::unique_ptr<AdamParamState> load(const State& state, const std::string& parameter) const override {
    if (!state.has("step/" + parameter)) return nullptr;
    auto held = std::make_unique<AdamParamState>();
    held->step(state.integer("step/" + parameter));
    held->exp_avg(state.tensor("exp_avg/" + parameter).clone());
    held->exp_avg_sq(state.tensor("exp_avg_sq/" + parameter).clone());
    return held;
  }

  std::vector<double> betas_;
  double eps_;
};

}  // namespace

BACKOBS_RUNNER(Adam, "Adam, after torch::optim::Adam")
