// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/optimizer_runner.h>
#include <backobs/plugin.h>

#include <torch/optim/sgd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace backobs;
using torch::optim::SGD;
using torch::optim::SGDOptions;
using torch::optim::SGDParamState;

/// Stochastic gradient descent with momentum m: v <- m v + g (v = g at first), w <- w - lr v; with Nesterov's
/// look-ahead w <- w - lr (g + m v).
class Sgd final : public OptimizerRunner<SGD, SGDParamState> {
 public:
  static Schema schema() {
    return {Option::real("lr", "learning rate").at_least(0), Option::real("momentum", 0, "momentum").at_least(0),
            Option::flag("nesterov", false, "Nesterov's look-ahead; needs momentum")};
  }

  explicit Sgd(const Options& options)
      : OptimizerRunner(options.real("lr")), momentum_(options.real("momentum")), nesterov_(options.flag("nesterov")) {
    if (nesterov_ && momentum_ == 0) throw ConfigError("runner `sgd`", "nesterov without momentum", "momentum > 0");
  }

  std::string optimizer_name() const override { return "SGD"; }

 private:
  std::unique_ptr<SGD> make_optimizer(std::vector<at::Tensor> values, double rate) const override {
    return std::make_unique<SGD>(std::move(values), SGDOptions(rate).momentum(momentum_).nesterov(nesterov_));
  }
  void save(State& state, const std::string& parameter, const SGDParamState& held) const override {
    if (held.momentum_buffer().defined()) state.put("momentum_buffer/" + parameter, held.momentum_buffer().clone());
  }
  std::unique_ptr<SGDParamState> load(const State& state, const std::string& parameter) const override {
    if (!state.has("momentum_buffer/" + parameter)) return nullptr;
    auto held = std::make_unique<SGDParamState>();
    held->momentum_buffer(state.tensor("momentum_buffer/" + parameter).clone());
    return held;
  }

  double momentum_;
  bool nesterov_;
};

}  // namespace

BACKOBS_RUNNER(Sgd, "Stochastic gradient descent with momentum, after torch::optim::SGD")
