// SPDX-License-Identifier: MIT
#include <backobs/testing/runner_contract.h>

#include <backobs/error.h>

#include "host/registry.h"
#include "testing/configurations.h"
#include "testing/one_pass.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

namespace backobs::testing {
namespace {

/// The extensions a runner reads, from where the program finds them.
std::vector<ExtensionInstance> wanted_by(const Runner& runner) {
  std::vector<ExtensionInstance> instances;
  const auto wants = runner.wants();
  if (wants.empty()) return instances;
  const Registry registry(plugin_search_path());
  for (const auto& want : wants) {
    std::map<std::string, RawValue> raw;
    for (const auto& [name, text] : want.options) raw[name] = {{text}, false, false, "wants()"};
    try {
      const auto options = registry.schema("extension", want.extension).check(raw, want.extension, "wants()");
      instances.push_back({want.extension, registry.make_extension(want.extension, options)});
    } catch (const Error& e) {
      throw Skipped(std::string("an extension it wants cannot be used: ") + e.what());
    }
  }
  return instances;
}

/// The held mini-batch of a case, at the parameters' present values.
class HeldStep final : public Step {
 public:
  HeldStep(const ExtensionCase& tested, const Runner& runner, uint64_t seed)
      : case_(tested), seed_(seed), extensions_(wanted_by(runner)), pass_(tested.network, tested.loss, {}) {
    for (const auto& instance : extensions_) instance.extension->prepare({"test", pass_.parameters()});
  }
  void move_to(int64_t step) {
    step_ = step;
    results_.clear();
  }

  int64_t epoch() const override { return 0; }
  int64_t index() const override { return step_; }
  int64_t global() const override { return step_; }
  Random random() const override { return Random(seed_).at(0, step_); }
  double evaluate() override { return pass_.evaluate(case_.batch, {true, false, random(), {}}).loss; }
  double evaluate_with_gradient() override {
    const auto sink = [&](const std::string& quantity, const std::string& parameter, ResultValue value) {
      results_[quantity + "/" + parameter] = std::move(value.tensors);
    };
    results_.clear();
    return pass_.run(case_.batch, {case_.batch.size, 0, step_, random()}, true, extensions_, sink).evaluation.loss;
  }
  const std::vector<Tensor>& result(const std::string& quantity, const std::string& parameter) const override {
    const auto found = results_.find(quantity + "/" + parameter);
    if (found == results_.end()) throw Broken("a call of result(" + quantity + ", " + parameter + ")", "what wants() names, after evaluate_with_gradient");
    return found->second;
  }

 private:
  const ExtensionCase& case_;
  uint64_t seed_;
  std::vector<ExtensionInstance> extensions_;
  Pass pass_;
  std::map<std::string, TensorList> results_;
  int64_t step_ = 0;
};

/// A runner at work on a network of its own.
struct AtTraining {
  AtTraining(const Factory<Runner>& factory, const Options& options, uint64_t seed)
      : tested(extension_cases(seed, 1).front()), runner(factory.make(options)) {
    if (!runner) throw Broken("nothing from the factory", "a runner");
    frozen().set_requires_grad(false);
    runner->prepare(tested.network.parameters());
    held = std::make_unique<HeldStep>(tested, *runner, seed);
  }
  Tensor frozen() const { return tested.network.parameters().back().value; }
  double step() {
    held->move_to(steps++);
    return runner->step(*held);
  }
  TensorList values() const {
    TensorList values;
    for (const auto& parameter : tested.network.parameters()) values.push_back(parameter.value.detach().clone());
    return values;
  }
  void set(const TensorList& values) {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < values.size(); ++i) Tensor(tested.network.parameters()[i].value).copy_(values[i]);
  }
  void require_equal_to(const AtTraining& other) const {
    const auto a = values(), b = other.values();
    for (std::size_t i = 0; i < a.size(); ++i) require_near(a[i], b[i], 0, tested.network.parameters()[i].name);
  }
  void require_finite_values() const {
    for (const auto& parameter : tested.network.parameters()) require_finite(parameter.value.detach(), parameter.name);
  }

  ExtensionCase tested;
  std::unique_ptr<Runner> runner;
  std::unique_ptr<HeldStep> held;
  int64_t steps = 0;
};

void require_number(double found, double wanted, const std::string& what) {
  if (!(std::abs(found - wanted) <= 1e-10 * std::abs(wanted) + 1e-15))
    throw Broken(what + " " + to_text(Option::Value(found)), to_text(Option::Value(wanted)));
}

void one_step(AtTraining& training) {
  const auto before = training.values();
  const double loss = training.held->evaluate();
  const auto frozen = training.frozen().clone();
  require_number(training.step(), loss, "a returned loss");
  training.require_finite_values();
  require_near(training.frozen(), frozen, 0, "a frozen parameter");
  for (int i = 0; i < 5; ++i) training.step();
  training.require_finite_values();
  bool moved = false;
  const auto after = training.values();
  for (std::size_t i = 0; i < after.size(); ++i) moved = moved || !after[i].equal(before[i]);
  if (!moved) throw Broken("the same parameters after six steps", "other ones");
}

void schedule(AtTraining& training) {
  const double base = training.runner->rate();
  if (!std::isfinite(base) || base < 0) throw Broken("rate " + to_text(Option::Value(base)), "0 or more");
  for (const double factor : {0.5, 0.1, 1.0}) {
    training.runner->set_rate_factor(factor);
    require_number(training.runner->rate(), factor * base, "after set_rate_factor(" + to_text(Option::Value(factor)) + ") rate");
  }
}

void state(AtTraining& going, AtTraining& resumed) {
  going.runner->set_rate_factor(0.5);
  for (int i = 0; i < 3; ++i) going.step();
  State saved, again;
  going.runner->save_state(saved);
  resumed.set(going.values());
  resumed.steps = going.steps;
  resumed.runner->load_state(saved);
  resumed.runner->save_state(again);
  require_equal(again, saved);
  require_number(resumed.runner->rate(), going.runner->rate(), "after load_state rate");
  for (int i = 0; i < 3; ++i) {
    going.step();
    resumed.step();
    resumed.require_equal_to(going);
  }
}

}  // namespace

Checks check_runner(const Factory<Runner>& factory, const ContractSettings& settings) {
  Checks checks(settings.listener);
  const auto plain = plain_options(factory.schema);
  const auto fresh = [&] { return AtTraining(factory, plain, settings.seed); };
  checks.run("one step", [&] {
    auto training = fresh();
    one_step(training);
  });
  checks.run("deterministic", [&] {
    auto a = fresh(), b = fresh();
    for (int i = 0; i < 3; ++i) a.step(), b.step();
    b.require_equal_to(a);
  });
  checks.run("schedule", [&] {
    auto training = fresh();
    schedule(training);
  });
  checks.run("state", [&] {
    auto going = fresh(), resumed = fresh();
    state(going, resumed);
  });
  if (settings.strictness >= 7) checks.run("growth", [&] {
      auto training = fresh();
      require_no_growth(200, [&] { training.step(); });
    });
  check_configurations(checks, factory.schema, settings, [&](const Options& options) {
    AtTraining training(factory, options, settings.seed);
    training.step();
    training.require_finite_values();
  });
  return checks;
}

}  // namespace backobs::testing
