// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/error.h>
#include <backobs/runner.h>

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace backobs::testing {

/// A step of the loss (1/2) sum_i a_i w_i^2 in one parameter w, for tests of runners: its gradient is a w, its minimum 0 at
/// w = 0, and it counts how often it was evaluated.
///
///     const auto w = at::ones({2}, at::kDouble).requires_grad_();
///     runner->prepare({{"dense.weight", w, {}}});
///     QuadraticStep step(w, at::ones({2}, at::kDouble));
///     const double before = runner->step(step);
class QuadraticStep final : public Step {
 public:
  /// w and a of one shape.
  QuadraticStep(Tensor w, Tensor a) : w_(std::move(w)), a_(std::move(a)) {}

  /// The position a runner sees; the loss does not depend on it.
  void move_to(int64_t global) { global_ = global; }
  /// What Step::result answers for this quantity of this parameter.
  void set_result(const std::string& quantity, const std::string& parameter, std::vector<Tensor> values) {
    results_[{quantity, parameter}] = std::move(values);
  }
  int64_t evaluations() const { return evaluations_; }  ///< with and without gradient

  int64_t epoch() const override { return 0; }
  int64_t index() const override { return global_; }
  int64_t global() const override { return global_; }
  Random random() const override { return Random().at(0, global_); }
  double evaluate() override {
    ++evaluations_;
    return 0.5 * (a_ * w_.detach().square()).sum().item<double>();
  }
  double evaluate_with_gradient() override {
    w_.mutable_grad() = a_ * w_.detach();
    return evaluate();
  }
  const std::vector<Tensor>& result(const std::string& quantity, const std::string& parameter) const override {
    const auto found = results_.find({quantity, parameter});
    if (found != results_.end()) return found->second;
    throw PluginError("QuadraticStep", "`" + quantity + "` of `" + parameter + "`", "what set_result was given");
  }

 private:
  Tensor w_, a_;
  int64_t global_ = 0, evaluations_ = 0;
  std::map<std::pair<std::string, std::string>, std::vector<Tensor>> results_;
};

}  // namespace backobs::testing
