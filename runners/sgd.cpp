// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/plugin.h>

#include <torch/optim/sgd.h>

#include <memory>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace backobs;

/// Where LibTorch's optimizers keep a parameter's state: 2.x under its address, 1.x under the address printed.
template <typename Key>
Key state_key(const at::Tensor& value) {
  if constexpr (std::is_same_v<Key, std::string>) {
    std::ostringstream text;
    text << value.unsafeGetTensorImpl();
    return text.str();
  } else {
    return value.unsafeGetTensorImpl();
  }
}

/// Stochastic gradient descent with momentum m: v <- m v + g (v = g at first), w <- w - lr v; with Nesterov's
/// look-ahead w <- w - lr (g + m v). g carries the weight penalty already, so the optimizer has no weight decay of its
/// own.
class Sgd final : public Runner {
 public:
  static Schema schema() {
    return {Option::real("lr", "learning rate").at_least(0), Option::real("momentum", 0, "momentum").at_least(0),
            Option::flag("nesterov", false, "Nesterov's look-ahead; needs momentum")};
  }

  explicit Sgd(const Options& options)
      : base_rate_(options.real("lr")), momentum_(options.real("momentum")), nesterov_(options.flag("nesterov")) {
    if (nesterov_ && momentum_ == 0) throw ConfigError("runner `sgd`", "nesterov without momentum", "momentum > 0");
  }

  std::string optimizer_name() const override { return "SGD"; }

  void prepare(const std::vector<Parameter>& parameters) override {
    std::vector<at::Tensor> values;
    for (const Parameter& parameter : parameters) {
      values.push_back(parameter.value);
      parameters_.push_back({parameter.name, parameter.value});
    }
    optimizer_ = std::make_unique<torch::optim::SGD>(
        std::move(values), torch::optim::SGDOptions(base_rate_).momentum(momentum_).nesterov(nesterov_));
  }

  double step(Step& step) override {
    const double loss = step.evaluate_with_gradient();
    optimizer_->step();
    return loss;
  }

  void set_rate_factor(double factor) override {
    rate_factor_ = factor;
    for (auto& group : optimizer_->param_groups())
      static_cast<torch::optim::SGDOptions&>(group.options()).lr(base_rate_ * rate_factor_);
  }
  double rate() const override { return base_rate_ * rate_factor_; }

  /// By parameter name: the optimizer's own archives hold addresses.
  void save_state(State& state) const override {
    state.put("rate_factor", rate_factor_);
    for (const NamedTensor& parameter : parameters_) {
      const auto buffer = momentum_buffer(parameter.value);
      if (buffer.defined()) state.put("momentum_buffer/" + parameter.name, buffer.clone());
    }
  }

  void load_state(const State& state) override {
    set_rate_factor(state.real("rate_factor"));
    optimizer_->state().clear();
    for (const NamedTensor& parameter : parameters_) {
      const std::string name = "momentum_buffer/" + parameter.name;
      if (!state.has(name)) continue;
      auto held = std::make_unique<torch::optim::SGDParamState>();
      held->momentum_buffer(state.tensor(name).clone());
      optimizer_->state()[state_key<Key>(parameter.value)] = std::move(held);
    }
  }

 private:
  using Key = std::decay_t<decltype(std::declval<torch::optim::SGD&>().state())>::key_type;

  at::Tensor momentum_buffer(const at::Tensor& value) const {
    const auto& states = optimizer_->state();
    const auto found = states.find(state_key<Key>(value));
    if (found == states.end()) return {};
    return static_cast<const torch::optim::SGDParamState&>(*found->second).momentum_buffer();
  }

  double base_rate_, momentum_;
  bool nesterov_;
  double rate_factor_ = 1;
  std::vector<NamedTensor> parameters_;
  std::unique_ptr<torch::optim::SGD> optimizer_;
};

}  // namespace

BACKOBS_RUNNER(Sgd, "Stochastic gradient descent with momentum, after torch::optim::SGD")
