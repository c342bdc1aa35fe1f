// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/runner.h>

#include <torch/optim/optimizer.h>

#include <memory>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace backobs {

/// What runners over one of LibTorch's optimizers have in common: one gradient and one update per step, a learning rate
/// with a schedule's factor, and state that is kept by parameter name, because LibTorch's own archives hold addresses.
///
///     class Sgd final : public OptimizerRunner<torch::optim::SGD, torch::optim::SGDParamState> { … };
///
/// The gradient carries the weight penalty already, so the optimizer's own weight decay stays 0.
template <typename Optimizer, typename ParamState>
class OptimizerRunner : public Runner {
 public:
  void prepare(const std::vector<Parameter>& parameters) override {
    std::vector<at::Tensor> values;
    for (const Parameter& parameter : parameters) {
      values.push_back(parameter.value);
      parameters_.push_back({parameter.name, parameter.value});
    }
    optimizer_ = make_optimizer(std::move(values), base_rate_);
  }

  double step(Step& step) override {
    const double loss = step.evaluate_with_gradient();
    optimizer_->step();
    return loss;
  }

  void set_rate_factor(double factor) override {
    rate_factor_ = factor;
    for (auto& group : optimizer_->param_groups()) group.options().set_lr(rate());
  }
  double rate() const override { return base_rate_ * rate_factor_; }

  void save_state(State& state) const override {
    state.put("rate_factor", rate_factor_);
    const auto& held = optimizer_->state();
    for (const NamedTensor& parameter : parameters_) {
      const auto found = held.find(key_of(parameter.value));
      if (found != held.end()) save(state, parameter.name, static_cast<const ParamState&>(*found->second));
    }
  }

  void load_state(const State& state) override {
    set_rate_factor(state.real("rate_factor"));
    optimizer_->state().clear();
    for (const NamedTensor& parameter : parameters_)
      if (auto held = load(state, parameter.name)) optimizer_->state()[key_of(parameter.value)] = std::move(held);
  }

 protected:
  /// The learning rate before any schedule.
  explicit OptimizerRunner(double base_rate) : base_rate_(base_rate) {}

  virtual std::unique_ptr<Optimizer> make_optimizer(std::vector<at::Tensor> values, double rate) const = 0;
  /// Puts what the optimizer keeps of one parameter, under names with the parameter's at the end:
  /// "momentum_buffer/dense1.weight".
  virtual void save(State& state, const std::string& parameter, const ParamState& held) const = 0;
  /// The same back, in tensors of its own; null if the parameter has none, as before its first step.
  virtual std::unique_ptr<ParamState> load(const State& state, const std::string& parameter) const = 0;

 private:
  using Key = typename std::decay_t<decltype(std::declval<Optimizer&>().state())>::key_type;

  /// Where LibTorch keeps a parameter's state: 2.x under its address, 1.x under the address printed.
  static Key key_of(const at::Tensor& value) {
    if constexpr (std::is_same_v<Key, std::string>) {
      std::ostringstream text;
      text << value.unsafeGetTensorImpl();
      return text.str();
    } else {
      return value.unsafeGetTensorImpl();
    }
  }

  double base_rate_;
  double rate_factor_ = 1;
  std::vector<NamedTensor> parameters_;
  std::unique_ptr<Optimizer> optimizer_;
};

}  // namespace backobs
