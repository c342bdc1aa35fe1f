// SPDX-License-Identifier: MIT
// The conformance kit against plugins with one fault each: every check but `tiles` and `threads` can fail, and at the fault
// meant for it.
#include <backobs/error.h>
#include <backobs/loss.h>
#include <backobs/module.h>
#include <backobs/per_sample.h>
#include <backobs/testing/extension_contract.h>
#include <backobs/testing/layer_contract.h>
#include <backobs/testing/plugin.h>
#include <backobs/testing/problem_contract.h>
#include <backobs/testing/runner_contract.h>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace backobs {
namespace {

using testing::Check;
using testing::Checks;
using testing::ContractSettings;

/// The names of the broken checks without their case, each once, in order.
std::vector<std::string> broken(const Checks& checks) {
  std::vector<std::string> names;
  for (const Check& check : checks.all()) {
    if (check.verdict != Check::Verdict::broken) continue;
    const auto colon = check.name.find(": ");
    const bool option = check.name.rfind("options", 0) == 0;
    const auto name = option ? "options" : colon == std::string::npos ? check.name : check.name.substr(colon + 2);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}
using Names = std::vector<std::string>;

ContractSettings strict(int strictness) { return {strictness, 42, {}}; }

// ---- extensions: sum_grad_squared, with faults

enum class Fault { none, doubled, not_finite, drawn, writes_parameter, nothing, forgets, forgets_level, shape, option, grows };

class Faulty final : public Extension {
 public:
  Faulty(Fault fault, const Options& options) : fault_(fault), level_(options.integer("level")) {}
  static Schema schema() { return {Option::integer("level", 1, "nothing depends on it").at_least(1).at_most(3)}; }

  std::vector<Need> needs() const override { return {{Need::What::sum_squares, SignalKey::gradient()}}; }
  void visit(const ParameterVisit& p, Results& results) override {
    if (fault_ == Fault::nothing) return;
    auto value = p.sum_squares(SignalKey::gradient()).clone();
    if (fault_ == Fault::doubled) value *= 2;
    if (fault_ == Fault::not_finite) value.fill_(std::numeric_limits<double>::quiet_NaN());
    if (fault_ == Fault::drawn) value += 1e-3 * static_cast<double>(++calls());
    if (fault_ == Fault::writes_parameter) p.value().detach().add_(1e-6);
    if (fault_ == Fault::shape && passes_ % 2) value = value.flatten().slice(0, 0, 1);
    if (fault_ == Fault::option && level_ == 3) throw std::logic_error("level 3");
    if (fault_ == Fault::grows) leak().push_back(at::ones({20000}));
    if (fault_ == Fault::forgets || fault_ == Fault::forgets_level) value *= static_cast<double>(1 + passes_);
    results.put(p, value);
  }
  void end_pass(Results&) override { ++passes_; }
  void save_state(State& state) const override {
    if (!forgets()) state.put("passes", passes_);
  }
  void load_state(const State& state) override {
    if (!forgets()) passes_ = state.integer("passes");
  }

 private:
  bool forgets() const { return fault_ == Fault::forgets || (fault_ == Fault::forgets_level && level_ == 3); }
  static int& calls() {
    static int count = 0;
    return count;
  }
  static std::vector<Tensor>& leak() {
    static std::vector<Tensor> kept;
    return kept;
  }
  Fault fault_;
  int64_t level_, passes_ = 0;
};

Names broken_extension(Fault fault, int strictness) {
  const testing::Factory<Extension> factory{Faulty::schema(),
                                            [fault](const Options& o) { return std::make_unique<Faulty>(fault, o); }};
  return broken(check_extension(factory, strict(strictness), testing::reference_of("sum_grad_squared")));
}

TEST(ExtensionContract, IsKeptByASoundOne) { EXPECT_EQ(broken_extension(Fault::none, 10), Names{}); }

TEST(ExtensionContract, FindsEveryFault) {
  EXPECT_EQ(broken_extension(Fault::doubled, 5), Names{"reference"});
  EXPECT_EQ(broken_extension(Fault::not_finite, 1), Names{"one step"});
  EXPECT_EQ(broken_extension(Fault::nothing, 1), (Names{"one step", "reference"}));
  EXPECT_EQ(broken_extension(Fault::drawn, 1), (Names{"deterministic", "reference"}));
  const auto writes = broken_extension(Fault::writes_parameter, 1);
  EXPECT_NE(std::find(writes.begin(), writes.end(), "harmless"), writes.end());
  EXPECT_EQ(broken_extension(Fault::shape, 1), Names{"steps"});
  EXPECT_EQ(broken_extension(Fault::forgets, 2), Names{"state"});
  EXPECT_EQ(broken_extension(Fault::option, 4), Names{"options"});
  EXPECT_EQ(broken_extension(Fault::forgets_level, 4), Names{"options"});
  EXPECT_EQ(broken_extension(Fault::grows, 7), Names{"growth"});
}

/// Columns of a square root, with what one row may not know of the others.
template <typename Promise>
class FaultyRoot final : public Extension, public Promise {
 public:
  explicit FaultyRoot(int64_t axis) : axis_(axis) {}
  std::vector<Need> needs() const override { return {{Need::What::columns, SignalKey::sqrt_ggn_exact()}}; }
  void visit(const ParameterVisit& p, Results& results) override {
    const auto columns = p.columns(SignalKey::sqrt_ggn_exact());
    results.put(p, axis_ < 0 ? columns : columns - columns.mean(axis_, true));
  }

 private:
  int64_t axis_;
};

template <typename Promise>
Names broken_root(int64_t axis) {
  return broken(check_extension({Schema{}, [axis](const Options&) { return std::make_unique<FaultyRoot<Promise>>(axis); }}, strict(3)));
}

TEST(ExtensionContract, FindsRowsThatAreNotAlone) {
  EXPECT_EQ(broken_root<PerColumn>(-1), Names{});
  EXPECT_EQ(broken_root<PerColumn>(0), Names{"blocks"});
  EXPECT_EQ(broken_root<PerSample>(0), Names{});
  EXPECT_EQ(broken_root<PerSample>(1), Names{"blocks"});
}

TEST(ExtensionContract, SaysWhatWasFoundAndWanted) {
  const testing::Factory<Extension> factory{Faulty::schema(),
                                            [](const Options& o) { return std::make_unique<Faulty>(Fault::doubled, o); }};
  const auto checks = check_extension(factory, strict(1), testing::reference_of("sum_grad_squared"));
  EXPECT_FALSE(checks.ok());
  EXPECT_EQ(checks.text().rfind("two dense layers: reference: found dense1.weight with entry ", 0), 0u) << checks.text();
  EXPECT_NE(checks.text().find(", wanted "), std::string::npos);
}

TEST(ExtensionContract, TakesAPluginFromItsFile) {
  const testing::Plugin plugin(BACKOBS_BUILD_DIR "/plugins/batch_l2.so");
  const testing::Reference wanted = [](const testing::ParameterTruth& truth, const TensorList& result) {
    return std::pair(result[0], truth.gradients().flatten(1).square().sum(1));
  };
  const testing::Reference doubled = [&](const auto& truth, const TensorList& result) {
    return wanted(truth, {2 * result[0]});
  };
  const auto checks = check_extension(plugin.extension_factory(), strict(3), wanted);
  EXPECT_TRUE(checks.ok()) << checks.text();
  EXPECT_EQ(broken(check_extension(plugin.extension_factory(), strict(1), doubled)), Names{"reference"});
  EXPECT_THROW(plugin.runner_factory(), PluginError);
}

/// Each quantity of the tree keeps its reference, and would not if its values lay elsewhere.
TEST(ExtensionContract, HasAReferenceOrAnIdentityForEveryQuantity) {
  for (const std::string name : {"grad_batch", "batch_l2", "sum_grad_squared", "variance", "diag_ggn_exact",
                                 "diag_ggn_exact_batch", "diag_ggn_mc", "diag_ggn_mc_batch", "diag_h", "diag_h_batch",
                                 "sqrt_ggn_exact", "sqrt_ggn_mc", "ggnmp", "hmp", "pchmp", "kfac", "kflr", "kfra"}) {
    const testing::Plugin plugin(BACKOBS_BUILD_DIR "/plugins/" + name + ".so");
    const auto reference = testing::reference_of(name);
    ASSERT_TRUE(reference) << name;
    const auto checks = check_extension(plugin.extension_factory(), strict(1), reference);
    EXPECT_TRUE(checks.ok()) << name << ": " << checks.text();
    const testing::Reference moved = [&](const auto& truth, TensorList result) {
      for (auto& tensor : result) tensor = tensor - 100 * at::ones_like(tensor).cumsum(0);
      return reference(truth, result);
    };
    EXPECT_EQ(broken(check_extension(plugin.extension_factory(), strict(1), moved)), Names{"reference"}) << name;
  }
}

// ---- problems: one dense layer on drawn data

enum class ProblemFault { none, seeds, data, shapes, facts, loss, option };

class FaultyProblem final : public Problem {
 public:
  FaultyProblem(ProblemFault fault, const Options& options) : fault_(fault), width_(options.integer("width")) {}
  static Schema schema() { return {Option::integer("width", 2, "outputs").at_least(2).at_most(4)}; }
  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.batch_size = fault_ == ProblemFault::facts ? 0 : 8;
    return facts;
  }
  Network network(const Random& random) const override {
    const at::NoGradGuard no_grad;
    Network network({3});
    torch::nn::Linear dense(3, width_);
    for (auto& parameter : dense->parameters()) {
      parameter.copy_(at::randn(parameter.sizes(), random.generator(Draw::initialisation, "dense")));
      if (fault_ == ProblemFault::seeds) parameter.add_(static_cast<double>(++calls()));
      if (fault_ == ProblemFault::loss) parameter.fill_(std::numeric_limits<float>::infinity());
      if (fault_ == ProblemFault::option && width_ == 4) throw std::logic_error("width 4");
    }
    network.add("dense", dense);
    return network;
  }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    TensorSet tensors;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto generator = Random(request.seed).generator(Draw::synthetic_data, i);
      tensors.inputs[i] = at::randn({16, fault_ == ProblemFault::shapes ? 2 : 3}, generator);
      if (fault_ == ProblemFault::data) tensors.inputs[i].add_(static_cast<double>(++calls()));
      tensors.targets[i] = at::arange(16).remainder(2);
    }
    return tensor_source(tensors, request);
  }

 private:
  static int& calls() {
    static int count = 0;
    return count;
  }
  ProblemFault fault_;
  int64_t width_;
};

Names broken_problem(ProblemFault fault, int strictness = 4) {
  const testing::Factory<Problem> factory{FaultyProblem::schema(), [fault](const Options& o) {
                                            return std::make_unique<FaultyProblem>(fault, o);
                                          }};
  return broken(check_problem(factory, strict(strictness)));
}

TEST(ProblemContractKit, IsKeptByASoundOne) { EXPECT_EQ(broken_problem(ProblemFault::none, 10), Names{}); }

TEST(ProblemContractKit, FindsEveryFault) {
  EXPECT_EQ(broken_problem(ProblemFault::facts), Names{"facts"});
  EXPECT_EQ(broken_problem(ProblemFault::seeds), Names{"network"});
  EXPECT_EQ(broken_problem(ProblemFault::data), Names{"batches"});
  EXPECT_EQ(broken_problem(ProblemFault::option), Names{"options"});
  const auto shapes = broken_problem(ProblemFault::shapes, 1), loss = broken_problem(ProblemFault::loss, 1);
  EXPECT_NE(std::find(shapes.begin(), shapes.end(), "batches"), shapes.end());
  EXPECT_NE(std::find(loss.begin(), loss.end(), "one step"), loss.end());
}

// ---- runners: gradient descent

enum class RunnerFault { none, loss_after, stands_still, moves_frozen, drawn, schedule, forgets, option };

class FaultyRunner final : public Runner {
 public:
  FaultyRunner(RunnerFault fault, const Options& options) : fault_(fault), lr_(options.real("lr")) {}
  static Schema schema() { return {Option::real("lr", "learning rate").greater_than(0).at_most(1)}; }
  std::string optimizer_name() const override { return "Faulty"; }
  void prepare(const std::vector<Parameter>& parameters) override { parameters_ = parameters; }
  double step(Step& step) override {
    const double loss = step.evaluate_with_gradient();
    if (fault_ == RunnerFault::option && lr_ == 1) throw std::logic_error("rate 1");
    const at::NoGradGuard no_grad;
    for (const auto& parameter : parameters_) {
      Tensor w = parameter.value;
      if (fault_ == RunnerFault::moves_frozen && !parameter.trainable()) w.add_(1);
      if (!parameter.trainable() || fault_ == RunnerFault::stands_still) continue;
      const double extra = fault_ == RunnerFault::drawn ? 1e-4 * static_cast<double>(++calls()) : 0;
      w.sub_(w.grad() * (rate() / (fault_ == RunnerFault::forgets ? static_cast<double>(++steps_) : 1) + extra));
    }
    return fault_ == RunnerFault::loss_after ? step.evaluate() : loss;
  }
  void set_rate_factor(double factor) override { factor_ = fault_ == RunnerFault::schedule ? factor_ * factor : factor; }
  double rate() const override { return lr_ * factor_; }
  void save_state(State& state) const override { state.put("factor", factor_); }
  void load_state(const State& state) override { factor_ = state.real("factor"); }

 private:
  static int& calls() {
    static int count = 0;
    return count;
  }
  RunnerFault fault_;
  double lr_, factor_ = 1;
  int64_t steps_ = 0;
  std::vector<Parameter> parameters_;
};

Names broken_runner(RunnerFault fault, int strictness = 4) {
  const testing::Factory<Runner> factory{FaultyRunner::schema(), [fault](const Options& o) {
                                           return std::make_unique<FaultyRunner>(fault, o);
                                         }};
  return broken(check_runner(factory, strict(strictness)));
}

TEST(RunnerContract, IsKeptByASoundOne) { EXPECT_EQ(broken_runner(RunnerFault::none, 10), Names{}); }

TEST(RunnerContract, FindsEveryFault) {
  EXPECT_EQ(broken_runner(RunnerFault::loss_after), Names{"one step"});
  EXPECT_EQ(broken_runner(RunnerFault::stands_still), Names{"one step"});
  EXPECT_EQ(broken_runner(RunnerFault::moves_frozen), Names{"one step"});
  EXPECT_EQ(broken_runner(RunnerFault::drawn), (Names{"deterministic", "state"}));
  EXPECT_EQ(broken_runner(RunnerFault::schedule), Names{"schedule"});
  EXPECT_EQ(broken_runner(RunnerFault::forgets), Names{"state"});
  EXPECT_EQ(broken_runner(RunnerFault::option), Names{"options"});
}

// ---- layers: x^3, entry by entry

enum class RuleFault { none, first, second, flat, pointwise, constant, couples, drawn, saved, tile };

class FaultyRule final : public ElementwiseRule {
 public:
  explicit FaultyRule(RuleFault fault) : fault_(fault) {}
  std::string type() const override { return "Cube"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList& saved) const override {
    const auto& x = inputs[0];
    if (fault_ == RuleFault::saved) saved.push_back(x.sum(0));
    if (fault_ == RuleFault::tile) whole_ = x.detach();
    if (fault_ == RuleFault::pointwise) return x.pow(3) + x.flip({1});
    if (fault_ == RuleFault::couples) return x.pow(3) + x.sum(0, true);
    return x.pow(3) + (fault_ == RuleFault::drawn ? ++calls_ : 0);
  }
  bool records_graph() const override { return true; }  // so that coupling can be seen
  bool is_curved() const override { return fault_ != RuleFault::flat; }
  bool jacobian_is_constant() const override { return fault_ == RuleFault::constant; }
  Tensor df(const LayerIO& io) const override {
    const auto x = fault_ == RuleFault::tile ? whole_.narrow(0, 0, io.samples()) : io.inputs[0];
    return (fault_ == RuleFault::first ? 6 : 3) * x.square();
  }
  Tensor d2f(const LayerIO& io) const override {
    if (fault_ == RuleFault::flat) return {};
    return (fault_ == RuleFault::second ? 12 : 6) * io.inputs[0];
  }

 private:
  RuleFault fault_;
  mutable int calls_ = 0;
  mutable Tensor whole_;
};

Names broken_rule(RuleFault fault, int strictness = 3) {
  const auto inputs = at::randn({4, 3}, Random(1).generator(Draw::probe), at::kDouble);
  return broken(testing::check_layer(std::make_shared<const FaultyRule>(fault), {inputs}, {}, strict(strictness)));
}

TEST(LayerContractKit, IsKeptByASoundOne) { EXPECT_EQ(broken_rule(RuleFault::none, 10), Names{}); }

TEST(LayerContractKit, FindsEveryFault) {
  const Names first = {"first derivatives", "averaged curvature", "diagonals"};
  EXPECT_EQ(broken_rule(RuleFault::first), first);
  EXPECT_EQ(broken_rule(RuleFault::tile), first);
  EXPECT_EQ(broken_rule(RuleFault::tile, 1), first);
  EXPECT_EQ(broken_rule(RuleFault::second), Names{"second derivatives"});
  EXPECT_EQ(broken_rule(RuleFault::flat), Names{"second derivatives"});
  EXPECT_EQ(broken_rule(RuleFault::constant), Names{"first derivatives"});
  EXPECT_EQ(broken_rule(RuleFault::drawn), Names{"forward"});
  EXPECT_EQ(broken_rule(RuleFault::saved), Names{"forward"});
  const auto couples = broken_rule(RuleFault::couples), mixes = broken_rule(RuleFault::pointwise);
  EXPECT_NE(std::find(couples.begin(), couples.end(), "samples"), couples.end());
  EXPECT_NE(std::find(mixes.begin(), mixes.end(), "diagonals"), mixes.end());
}

TEST(LayerContractKit, NamesTheTile) {
  const auto inputs = at::randn({4, 3}, Random(1).generator(Draw::probe), at::kDouble);
  const auto checks = testing::check_layer(std::make_shared<const FaultyRule>(RuleFault::tile), {inputs});
  EXPECT_NE(checks.text().find("Cube: first derivatives: found jac_t of samples "), std::string::npos) << checks.text();
}

}  // namespace
}  // namespace backobs
