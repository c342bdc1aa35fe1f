// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/layer.h>

#include <torch/nn/module.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <typeinfo>
#include <vector>

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
    entries_[typeid(Module).name()].make = [](const std::shared_ptr<torch::nn::Module>& module) {
      auto same = std::dynamic_pointer_cast<Module>(module);
      return same ? std::make_shared<const Rule>(std::move(same)) : nullptr;
    };
  }
  /// A plugin's rule for the type of that name, which keeps the one it has. Whose rule it is now.
  std::string offer(const std::string& module_type, const std::string& owner, Maker make) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return entries_.emplace(module_type, Entry{owner, std::move(make)}).first->second.owner;
  }
  /// Null if no rule serves the type.
  std::shared_ptr<const LayerRule> make(const std::type_info& type, const std::shared_ptr<torch::nn::Module>& module) const {
    const auto maker = maker_of(type.name());  // called unlocked: a rule may make those of its parts
    return maker ? maker(module) : nullptr;
  }

  /// The names of the types that have a rule, as typeid gives them.
  std::vector<std::string> types() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [type, entry] : entries_) all.push_back(type);
    return all;
  }

 private:
  struct Entry {
    std::string owner = "backobs itself";
    Maker make;
  };
  Maker maker_of(const std::string& type) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = entries_.find(type);
    return found == entries_.end() ? Maker() : found->second.make;
  }

  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

/// Fills the table with core's own rules; written by CMake from the files in core/layers.
void register_layers(RuleTable& table);
/// The table that every network is built with: core's rules, and those of the layer plugins that were loaded.
BACKOBS_API RuleTable& rule_table();

}  // namespace backobs
