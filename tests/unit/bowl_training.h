// SPDX-License-Identifier: MIT
#pragma once

#include "host/registry.h"

#include <backobs/options.h>
#include <backobs/runner.h>

#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace backobs {

/// A step of the loss (1/2) |w|^2, whose gradient is w.
class BowlStep final : public Step {
 public:
  explicit BowlStep(Tensor w) : w_(std::move(w)) {}
  int64_t epoch() const override { return 0; }
  int64_t index() const override { return 0; }
  int64_t global() const override { return 0; }
  Random random() const override { return Random(); }
  double evaluate() override { return 0.5 * w_.detach().square().sum().item<double>(); }
  double evaluate_with_gradient() override {
    w_.mutable_grad() = w_.detach().clone();
    return evaluate();
  }
  const std::vector<Tensor>& result(const std::string&, const std::string&) const override {
    throw std::logic_error("unused");
  }

 private:
  Tensor w_;
};

/// A runner that trains two equal entries of `dense.weight` in that bowl, beside a frozen parameter.
struct BowlTraining {
  BowlTraining(const std::string& name, const std::map<std::string, Option::Value>& options, double start) {
    static const Registry registry({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
    w = at::full({2}, start, at::kDouble).requires_grad_(true);
    frozen = at::ones({2}, at::kDouble);
    std::map<std::string, RawValue> raw;
    for (const auto& [option, value] : options) raw[option] = raw_value(value);
    runner = registry.make_runner(name, registry.schema("runner", name).check(raw, "runner `" + name + "`", "test"));
    runner->prepare({{"dense.weight", w, {}}, {"frozen.weight", frozen, {}}});
  }
  double step() {
    BowlStep bowl(w);
    return runner->step(bowl);
  }
  double value() const { return w.detach()[0].item<double>(); }

  static RawValue raw_value(const Option::Value& value) {
    if (const auto* list = std::get_if<std::vector<double>>(&value)) {
      RawValue raw{{}, true, false, "test"};
      for (const double item : *list) raw.items.push_back(to_text(item));
      return raw;
    }
    return {{to_text(value)}, false, false, "test"};
  }

  Tensor w, frozen;
  std::unique_ptr<Runner> runner;
};

}  // namespace backobs
