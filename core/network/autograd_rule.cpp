// SPDX-License-Identifier: MIT
#include "network/autograd_rule.h"

#include "network/rule_table.h"

#include <backobs/error.h>

#include <ATen/Context.h>
#include <torch/nn/modules/batchnorm.h>

#include <mutex>

namespace backobs {
namespace {

/// torch's generator for a device at another position while this lives.
class PlacedGenerator {
 public:
  PlacedGenerator(c10::Device device, uint64_t seed) : generator_(at::globalContext().defaultGenerator(device)) {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    state_ = generator_.get_state();
    generator_.set_current_seed(seed);
  }
  ~PlacedGenerator() {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    generator_.set_state(state_);
  }
  PlacedGenerator(const PlacedGenerator&) = delete;
  PlacedGenerator& operator=(const PlacedGenerator&) = delete;

 private:
  at::Generator generator_;
  Tensor state_;
};

/// The modules inside that normalise over the batch.
std::vector<std::shared_ptr<torch::nn::Module>> batch_norms(const torch::nn::Module& module) {
  std::vector<std::shared_ptr<torch::nn::Module>> found;
  for (const auto& part : module.modules(/*include_self=*/false))
    if (part->as<torch::nn::BatchNorm1d>() || part->as<torch::nn::BatchNorm2d>() || part->as<torch::nn::BatchNorm3d>())
      found.push_back(part);
  return found;
}

}  // namespace

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
  module_->train(context.training);
  if (context.frozen_normalisation)
    for (const auto& part : batch_norms(*module_)) part->eval();
  const PlacedGenerator place(inputs[0].device(), context.random.key(Draw::dropout, stream_of(context.node)));
  return forward_(inputs);
}

bool AutogradRule::couples_samples(const ForwardContext& context) const {
  return context.training && !context.frozen_normalisation && !batch_norms(*module_).empty();
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
