// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include <torch/nn/module.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <typeinfo>

namespace backobs {

/// Which rule serves which torch::nn module type. Matched exactly: a subclass may compute something else. By name, since
/// libraries that are loaded apart have type_info objects of their own.
class RuleTable {
 public:
  /// Null if the module is not of the type after all.
  using Maker = std::function<std::shared_ptr<const LayerRule>(const std::shared_ptr<torch::nn::Module>&)>;

  /// `Rule` is constructed from a shared_ptr<Module>.
  template <typename Module, typename Rule>
  void add() {
    makers_[typeid(Module).name()] = [](const std::shared_ptr<torch::nn::Module>& module) {
      auto same = std::dynamic_pointer_cast<Module>(module);
      return same ? std::make_shared<const Rule>(std::move(same)) : nullptr;
    };
  }
  /// A plugin's rule for the type of that name. False, and nothing changes, if the type has one already.
  bool offer(const std::string& module_type, Maker maker) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return makers_.emplace(module_type, std::move(maker)).second;
  }
  /// Null if no rule serves the type.
  std::shared_ptr<const LayerRule> make(const std::type_info& type, const std::shared_ptr<torch::nn::Module>& module) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = makers_.find(type.name());
    return found == makers_.end() ? nullptr : found->second(module);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Maker> makers_;
};

/// Fills the table with core's own rules; written by CMake from the files in core/layers.
void register_layers(RuleTable& table);
/// The table that every network is built with: core's rules, and those of the layer plugins that were loaded.
RuleTable& rule_table();

}  // namespace backobs
