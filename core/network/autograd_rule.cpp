// SPDX-License-Identifier: MIT
#include "network/autograd_rule.h"

#include "network/rule_table.h"

#include <backobs/error.h>

#include <ATen/Context.h>
#include <torch/nn/modules/batchnorm.h>

#include <algorithm>
#include <mutex>

namespace backobs {
namespace {

/// torch's generator for a device at another position while this lives. There is one of it for all threads, so that another
/// pass waits meanwhile; a module may call a network of its own.
class PlacedGenerator {
 public:
  PlacedGenerator(c10::Device device, uint64_t seed)
      : alone_(in_use()), generator_(at::globalContext().defaultGenerator(device)) {
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
  static std::recursive_mutex& in_use() {
    static std::recursive_mutex mutex;
    return mutex;
  }
  const std::lock_guard<std::recursive_mutex> alone_;
  at::Generator generator_;
  Tensor state_;
};

/// A module inside that normalises over the batch, and whether it has running statistics to do without.
struct BatchNormInside {
  std::shared_ptr<torch::nn::Module> module;
  bool tracks;
};

template <typename Impl>
void add_if(const std::shared_ptr<torch::nn::Module>& module, std::vector<BatchNormInside>& found) {
  if (const auto* norm = module->as<Impl>()) found.push_back({module, norm->options.track_running_stats()});
}

std::vector<BatchNormInside> batch_norms(const torch::nn::Module& module) {
  std::vector<BatchNormInside> found;
  for (const auto& part : module.modules(/*include_self=*/false)) {
    add_if<torch::nn::BatchNorm1dImpl>(part, found);
    add_if<torch::nn::BatchNorm2dImpl>(part, found);
    add_if<torch::nn::BatchNorm3dImpl>(part, found);
  }
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
    for (const auto& part : batch_norms(*module_)) part.module->eval();
  const PlacedGenerator place(inputs[0].device(), context.random.key(Draw::dropout, stream_of(context.node)));
  return forward_(inputs);
}

bool AutogradRule::couples_samples(const ForwardContext& context) const {
  const auto parts = batch_norms(*module_);
  const bool of_batch = context.training && !context.frozen_normalisation;
  return std::any_of(parts.begin(), parts.end(), [&](const BatchNormInside& part) { return of_batch || !part.tracks; });
}

RuleTable& rule_table() {
  static RuleTable& table = *[] {
    auto* rules = new RuleTable;  // never freed: it holds code of plugins, which stay loaded
    register_layers(*rules);
    return rules;
  }();
  return table;
}

std::shared_ptr<const LayerRule> rule_for(const std::type_info& type, std::shared_ptr<torch::nn::Module> module,
                                          ModuleForward forward) {
  if (auto rule = rule_table().make(type, module)) return rule;
  return std::make_shared<const AutogradRule>(std::move(module), std::move(forward));
}

namespace detail {

void refuse_inputs(const torch::nn::Module& module, std::size_t found) {
  throw ComputeError("module " + module.name(), std::to_string(found) + " inputs", "as many as its forward takes (at most 3)");
}

}  // namespace detail
}  // namespace backobs
