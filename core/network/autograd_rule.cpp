// SPDX-License-Identifier: MIT
#include "network/autograd_rule.h"

#include "network/rule_table.h"

#include <backobs/error.h>

namespace backobs {

AutogradRule::AutogradRule(std::shared_ptr<torch::nn::Module> module, ModuleForward forward)
    : module_(std::move(module)), forward_(std::move(forward)) {}

/// The class name without namespace and without LibTorch's "Impl".
std::string AutogradRule::type() const {
  auto name = module_->name();
  if (const auto colon = name.rfind("::"); colon != std::string::npos) name = name.substr(colon + 2);
  if (name.size() > 4 && name.compare(name.size() - 4, 4, "Impl") == 0) name.resize(name.size() - 4);
  return name;
}

Tensor AutogradRule::forward(const TensorList& inputs, const ForwardContext& context, TensorList&) const {
  if (module_->is_training() != context.training) module_->train(context.training);
  return forward_(inputs);
}

std::shared_ptr<const LayerRule> rule_for(const std::type_info& type, std::shared_ptr<torch::nn::Module> module,
                                          ModuleForward forward) {
  static const RuleTable table = [] {
    RuleTable rules;
    register_layers(rules);
    return rules;
  }();
  if (auto rule = table.make(type, module)) return rule;
  return std::make_shared<const AutogradRule>(std::move(module), std::move(forward));
}

namespace detail {

void refuse_inputs(const torch::nn::Module& module, std::size_t found) {
  throw ComputeError("module " + module.name(), std::to_string(found) + " inputs", "as many as its forward takes (at most 3)");
}

}  // namespace detail
}  // namespace backobs
