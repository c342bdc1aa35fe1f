// SPDX-License-Identifier: MIT
#include "testing/layer_plugin.h"

#include <backobs/testing/layer_contract.h>

#include "testing/one_pass.h"

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

namespace backobs::testing {
namespace {

/// A mini-batch that a layer's rule is held against its defaults on; double precision.
struct LayerCase {
  std::string name;  ///< "[4, 7]", the shapes of its inputs
  std::shared_ptr<torch::nn::Module> module;
  TensorList inputs;
};

/// The module's own output, or nothing if it does not take these inputs.
Tensor output_if_taken(const PluginLibrary::Examples& examples, torch::nn::Module& module, const TensorList& inputs) {
  try {
    return examples.output(module, inputs);
  } catch (const std::exception&) {
    return {};
  }
}

/// The plugin's examples; where one names no inputs, those of some usual shapes that its module takes.
std::vector<LayerCase> layer_cases(const PluginLibrary::Examples& examples, uint64_t seed) {
  std::vector<LayerCase> cases;
  const auto add = [&](const std::shared_ptr<torch::nn::Module>& module, const TensorList& inputs) {
    std::string name = examples.list.size() > 1 ? "example " + std::to_string(cases.size() + 1) : "";
    for (const auto& input : inputs) name += (name.empty() ? "" : " ") + shape_text(input);
    cases.push_back({name, module, inputs});
  };
  for (const auto& [module, given] : examples.list) {
    if (!module) throw Broken("an example without a module", "one");
    module->to(at::kDouble);
    TensorList inputs;
    for (const auto& input : given) inputs.push_back(input.is_floating_point() ? input.to(at::kDouble) : input);
    if (!inputs.empty()) add(module, inputs);
    for (const auto& shape : std::vector<std::vector<int64_t>>{{4, 7}, {3, 2, 5}, {2, 3, 4, 4}, {2, 2, 3, 2, 4}}) {
      if (!inputs.empty()) break;
      const auto drawn = 2 * at::randn(shape, Random(seed).generator(Draw::probe, "layer"), at::kDouble);
      if (output_if_taken(examples, *module, {drawn}).defined()) add(module, {drawn});
    }
  }
  return cases;
}

void check_layer_case(Checks& checks, const PluginLibrary& library, const PluginLibrary::Examples& examples,
                      const LayerCase& tested, const ContractSettings& settings) {
  std::shared_ptr<const LayerRule> rule;
  checks.run(tested.name + ": module", [&] {
    rule = library.make_rule(tested.module);
    if (!rule) throw Broken("no rule for the module of its example", "one");
    tested.module->eval();
    const auto wanted = output_if_taken(examples, *tested.module, tested.inputs);
    if (!wanted.defined()) throw Skipped("only the forward of modules with one input is known");
    TensorList saved;
    const at::NoGradGuard no_grad;
    require_near(rule->forward(tested.inputs, {}, saved), wanted.detach(), 1e-10, "an output");
  });
  if (!rule) return;
  check_layer(rule, tested.inputs, {}, settings, tested.name);
  ForwardContext training;
  training.training = true;
  training.random = Random(settings.seed);
  tested.module->train();
  if (settings.strictness >= 2) check_layer(rule, tested.inputs, training, settings, tested.name + " in training");
}

}  // namespace

void check_layer_plugin(const PluginLibrary& library, const ContractSettings& settings) {
  Checks checks(settings.listener);
  checks.run("rule", [&] { library.offer_rule(); });
  PluginLibrary::Examples examples;
  std::vector<LayerCase> cases;
  checks.run("examples", [&] {
    examples = library.layer_examples();
    cases = layer_cases(examples, settings.seed);
    if (cases.empty()) throw Skipped("there is no module to hold the rule against: declare `static std::vector<LayerExample> examples()` (backobs/plugin.h)");
  });
  for (const auto& tested : cases) check_layer_case(checks, library, examples, tested, settings);
}

}  // namespace backobs::testing
