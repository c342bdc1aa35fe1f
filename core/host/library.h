// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/plugin.h>

#include "host/registry.h"

#include <memory>
#include <string>
#include <vector>

namespace backobs {

/// A loaded plugin. Loading is once per file and for good: objects of the plugin may live until exit, and unloading a
/// library that touched LibTorch is not safe.
///
/// Whatever the plugin throws, at any of the moments below, becomes a PluginError that names plugin, file and phase.
/// Only a ConfigError of a factory passes: it says that these options cannot work together.
class PluginLibrary {
 public:
  /// Maps the file with all its symbols resolved and none of them visible to others, and asks for its entry.
  /// Throws PluginError: unresolved symbols, missing libraries, no entry, an entry of another layout, no factory.
  static const PluginLibrary& open(const PluginFile& plugin);

  /// What the plugin declares; checked for doubled names and for defaults outside their own range.
  Schema schema() const;
  std::unique_ptr<Problem> make_problem(const Options& options) const;
  std::unique_ptr<Extension> make_extension(const Options& options) const;
  std::unique_ptr<Runner> make_runner(const Options& options) const;
  /// The module class that a layer's rule is for: "torch::nn::MishImpl".
  std::string module_type() const;
  /// Puts a layer's rule into the table that networks are built with. Throws PluginError if the module type has a rule of
  /// somebody else's.
  void offer_rule() const;
  /// A layer's rule for a module; null if the module is of another type.
  std::shared_ptr<const LayerRule> make_rule(const std::shared_ptr<torch::nn::Module>& module) const;
  /// What a layer is to be tried on, and the forward of such a module (undefined where it takes more than one input).
  /// Nothing of a plugin that was built before there were examples.
  struct Examples {
    std::vector<LayerExample> list;
    detail::ModuleOutput output;
  };
  Examples layer_examples() const;

 private:
  using AskExamples = void(std::vector<LayerExample>&, detail::ModuleOutput&);
  PluginLibrary(std::string label, std::string name, const PluginEntry& entry, AskExamples* examples)
      : label_(std::move(label)), name_(std::move(name)), entry_(entry), examples_(examples) {}

  std::string label_;  ///< "extension `kfac` (/usr/lib/backobs/plugins/kfac.so)"
  std::string name_;   ///< "kfac"
  PluginEntry entry_;
  AskExamples* examples_;  ///< null if it has none
};

}  // namespace backobs
