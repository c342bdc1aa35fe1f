// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include <torch/nn/module.h>

#include <functional>
#include <map>
#include <string>
#include <typeinfo>

namespace backobs {

/// Which rule serves which torch::nn module type. Matched exactly: a subclass may compute something else.
class RuleTable {
 public:
  using Maker = std::function<std::shared_ptr<const LayerRule>(std::shared_ptr<torch::nn::Module>)>;

  /// `Rule` is constructed from a shared_ptr<Module>.
  template <typename Module, typename Rule>
  void add() {
    makers_[typeid(Module).name()] = [](std::shared_ptr<torch::nn::Module> module) {
      return std::make_shared<const Rule>(std::dynamic_pointer_cast<Module>(module));
    };
  }
  /// Null if no rule serves the type.
  std::shared_ptr<const LayerRule> make(const std::type_info& type, std::shared_ptr<torch::nn::Module> module) const {
    const auto found = makers_.find(type.name());
    return found == makers_.end() ? nullptr : found->second(std::move(module));
  }

 private:
  std::map<std::string, Maker> makers_;
};

/// Fills the table with core's own rules; written by CMake from the files in core/layers.
void register_layers(RuleTable& table);

}  // namespace backobs
