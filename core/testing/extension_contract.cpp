// SPDX-License-Identifier: MIT
#include <backobs/testing/extension_contract.h>

#include <backobs/testing/brute_force.h>

#include "testing/configurations.h"
#include "testing/one_pass.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

namespace backobs::testing {
namespace {

constexpr double kRounding = 1e-8;
const std::string kQuantity = "result";

/// One extension's contract on one case.
class ExtensionContract {
 public:
  ExtensionContract(const Factory<Extension>& factory, const ExtensionCase& tested, const ContractSettings& settings)
      : factory_(factory), case_(tested), settings_(settings) {}

  void check(Checks& checks, const Reference& reference) {
    const auto run = [&](const char* name, void (ExtensionContract::*body)()) {
      checks.run(case_.name + ": " + name, [&] { (this->*body)(); });
    };
    run("one step", &ExtensionContract::one_step);
    if (first_.walk.empty()) return;  // nothing to compare with
    run("deterministic", &ExtensionContract::deterministic);
    run("harmless", &ExtensionContract::harmless);
    run("steps", &ExtensionContract::steps);
    if (reference) checks.run(case_.name + ": reference", [&] { equals(reference); });
    if (settings_.strictness >= 2) run("state", &ExtensionContract::state);
    if (settings_.strictness >= 3) run("tiles", &ExtensionContract::tiles);
    if (settings_.strictness >= 3) run("blocks", &ExtensionContract::blocks);
    if (settings_.strictness >= 6) run("threads", &ExtensionContract::threads);
    if (settings_.strictness >= 7) run("growth", &ExtensionContract::growth);
  }

  /// A pass with other options, and the way on from its saved state.
  void use(const Options& options) const {
    const auto values = pass_of(std::shared_ptr<Extension>(factory_.make(options))).run();
    for (const auto& [key, tensors] : values.results)
      for (const auto& tensor : tensors) require_finite(tensor, key);
    continue_from_state(options);
  }

 private:
  std::shared_ptr<Extension> make() const { return make(plain_options(factory_.schema)); }
  std::shared_ptr<Extension> make(const Options& options) const {
    std::shared_ptr<Extension> made = factory_.make(options);
    if (!made) throw Broken("nothing from the factory", "an extension");
    return made;
  }
  CasePass pass_of(std::shared_ptr<Extension> extension, const Tiling& tiling = {}) const {
    return {case_, {{kQuantity, std::move(extension)}}, settings_.seed, tiling};
  }

  void one_step() {
    auto values = pass_of(make()).run();
    for (const auto& [key, tensors] : values.results)
      for (const auto& tensor : tensors) require_finite(tensor, key);
    first_ = std::move(values);
    if (first_.refused.size() == case_.network.parameters().size())
      throw Skipped("every parameter is refused: " + first_.refused.begin()->second);
    if (first_.results.empty()) throw Broken("no result after one pass", "one at least");
  }
  void deterministic() {
    const auto again = pass_of(make()).run();
    require_equal(again.results, first_.results, 0);
  }
  void harmless() {
    std::map<std::string, TensorList> before, after;
    for (const auto& parameter : case_.network.parameters()) before[parameter.name] = {parameter.value.detach().clone()};
    const auto with = pass_of(make()).run();
    for (const auto& parameter : case_.network.parameters()) after[parameter.name] = {parameter.value.detach()};
    require_equal(after, before, 0);
    const auto without = CasePass(case_, {}, settings_.seed).run();
    require_equal(with.walk, without.walk, 1e-12);
  }
  void steps() {
    auto pass = pass_of(make());
    auto before = pass.run(0);
    for (int64_t step = 1; step < 3; ++step) {
      const auto now = pass.run(step);
      for (const auto& [key, tensors] : now.results) {
        const auto found = before.results.find(key);
        if (found == before.results.end()) continue;
        for (std::size_t i = 0; i < std::min(tensors.size(), found->second.size()); ++i) {
          require_finite(tensors[i], key);
          if (tensors[i].sizes() != found->second[i].sizes())
            throw Broken(key + " of shape " + shape_text(tensors[i]) + " at step " + std::to_string(step),
                         shape_text(found->second[i]) + " as before");
        }
      }
    }
  }
  void equals(const Reference& reference) const {
    std::map<std::string, double> penalties;
    if (case_.l2_reg != 0)
      for (const auto& parameter : case_.network.parameters()) penalties[parameter.name] = case_.l2_reg;
    const BruteForce brute(case_.network, *case_.loss, case_.batch, {true, false, Random(settings_.seed), {}}, {}, penalties);
    int compared = 0;
    for (const auto& parameter : case_.network.parameters()) {
      const auto result = first_.results.find(kQuantity + "/" + parameter.name);
      if (result == first_.results.end()) continue;
      const auto [found, wanted] = reference(ParameterTruth(brute, parameter.name), result->second);
      require_near(found, wanted, kRounding, parameter.name);
      ++compared;
    }
    if (compared == 0) throw Broken("no result to compare", "one parameter at least");
  }
  void state() { continue_from_state(plain_options(factory_.schema)); }
  void continue_from_state(const Options& options) const {
    const auto first = make(options), second = make(options);
    auto going = pass_of(first);
    going.run(0);
    State saved, again;
    first->save_state(saved);
    auto resumed = pass_of(second);
    second->load_state(saved);
    second->save_state(again);
    require_equal(again, saved);
    for (int64_t step = 1; step < 4; ++step) require_equal(resumed.run(step).results, going.run(step).results, 0);
  }
  void tiles() {
    for (const auto& [samples, columns] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {2, 0}, {3, 2}}) {
      Tiling tiling;
      tiling.samples = samples;
      tiling.columns = columns;
      require_equal(pass_of(make(), tiling).run().results, first_.results, kRounding);
    }
  }
  void blocks() {
    if (blocks_of(*make()) == Blocks::none) throw Skipped("its values are no stack over samples: it is no PerSample");
    const auto entries = [&](Blocks blocks, int64_t bytes) {
      Tiling tiling;
      tiling.block_bytes = bytes;
      return CasePass(case_, {{kQuantity, make(), blocks}}, settings_.seed, tiling).entries();
    };
    const auto whole = entries(Blocks::none, 1);
    for (const int64_t bytes : {1, 500}) require_equal(entries(blocks_of(*make()), bytes), whole, kRounding);
  }
  /// Each thread has a network of its own, because a pass writes gradients into its parameters.
  void threads() {
    std::vector<PassValues> found(2);
    in_two_threads([&](std::size_t i) {
      for (const auto& own : extension_cases(settings_.seed)) {
        if (own.name != case_.name) continue;
        for (int repeat = 0; repeat < 20; ++repeat) found[i] = CasePass(own, {{kQuantity, make()}}, settings_.seed).run();
      }
    });
    for (const auto& values : found) require_equal(values.results, first_.results, kRounding);
  }
  void growth() {
    auto pass = pass_of(make());
    int64_t step = 0;
    require_no_growth(200, [&] { pass.run(step++); });
  }

  const Factory<Extension>& factory_;
  const ExtensionCase& case_;
  const ContractSettings& settings_;
  PassValues first_;
};

}  // namespace

Checks check_extension(const Factory<Extension>& factory, const ContractSettings& settings, const Reference& reference) {
  Checks checks(settings.listener);
  const auto cases = extension_cases(settings.seed, settings.strictness < 3 ? 1 : settings.strictness < 5 ? 2 : 3);
  for (const auto& tested : cases) ExtensionContract(factory, tested, settings).check(checks, reference);
  const ExtensionContract first(factory, cases.front(), settings);
  check_configurations(checks, factory.schema, settings, [&](const Options& options) { first.use(options); });
  return checks;
}

}  // namespace backobs::testing
