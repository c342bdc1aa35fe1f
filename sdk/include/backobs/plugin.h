// SPDX-License-Identifier: MIT
#pragma once

/// What turns one source file into a plugin: one macro per kind, at the end of the file.
///
///     BACKOBS_EXTENSION(DiagGgnExact, "Diagonal of the generalised Gauss-Newton matrix, exact", "DiagGGNExact")
///
/// The class is constructed from checked options (`explicit DiagGgnExact(const Options&)`) and may declare them
/// (`static Schema schema()`); without one it takes none. The plugin's name is the file's stem, given by the build.
/// A layer plugin is a rule for one torch::nn module type; it is constructed from the module and takes no options:
///
///     BACKOBS_LAYER(MishRule, torch::nn::MishImpl, "Mish by its first two derivatives")
///
/// `backobs verify` holds the rule against modules made without arguments, or against those that the rule names:
///
///     static std::vector<LayerExample> examples() {
///       return {{std::make_shared<torch::nn::BilinearImpl>(3, 4, 2), {at::randn({5, 3}), at::randn({5, 4})}}};
///     }

#include <backobs/extension.h>
#include <backobs/layer.h>
#include <backobs/options.h>
#include <backobs/plugin_manifest.h>
#include <backobs/problem.h>
#include <backobs/runner.h>

#include <functional>
#include <memory>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace backobs {

/// A module that a layer's rule can be made of, and inputs [N, *in_i] that it takes, N at least 2; without inputs shapes
/// are tried. Both are taken to double precision.
using LayerExample = std::pair<std::shared_ptr<torch::nn::Module>, TensorList>;

/// What a plugin's one exported function returns: how to make instances. Exactly one factory is set.
struct PluginEntry {
  uint32_t size = sizeof(PluginEntry);
  Schema (*schema)() = nullptr;
  std::unique_ptr<Problem> (*make_problem)(const Options&) = nullptr;
  std::unique_ptr<Extension> (*make_extension)(const Options&) = nullptr;
  std::unique_ptr<Runner> (*make_runner)(const Options&) = nullptr;
  /// Of a layer: a rule for a module of the type of that name; null if the module is of another type.
  std::shared_ptr<const LayerRule> (*make_rule)(const std::shared_ptr<torch::nn::Module>&) = nullptr;
  const char* module_type = nullptr;  ///< of a layer: typeid(Module).name()
};

namespace detail {

inline Schema no_options() { return {}; }
template <typename T, typename = void>
struct SchemaOf {
  static Schema get() { return no_options(); }
};
template <typename T>
struct SchemaOf<T, std::void_t<decltype(T::schema())>> {
  static Schema get() { return T::schema(); }
};
template <typename Base, typename T>
std::unique_ptr<Base> make(const Options& options) {
  return std::make_unique<T>(options);
}
/// Equal names are not equal types where a type has no name outside its file.
template <typename Rule, typename Module>
std::shared_ptr<const LayerRule> make_rule(const std::shared_ptr<torch::nn::Module>& module) {
  static_assert(std::is_base_of_v<torch::nn::Module, Module>,
                "name the module's class (torch::nn::MishImpl), not its holder (torch::nn::Mish)");
  auto same = std::dynamic_pointer_cast<Module>(module);
  return same ? std::make_shared<const Rule>(std::move(same)) : nullptr;
}

template <typename Rule, typename Module, typename = void>
struct ExamplesOf {
  static std::vector<LayerExample> get() {
    if constexpr (std::is_default_constructible_v<Module>) return {{std::make_shared<Module>(), {}}};
    return {};
  }
};
template <typename Rule, typename Module>
struct ExamplesOf<Rule, Module, std::void_t<decltype(Rule::examples())>> {
  static std::vector<LayerExample> get() { return Rule::examples(); }
};
/// The module's own forward of one tensor; undefined where it takes another number.
template <typename Module>
auto output_of(Module& module, const TensorList& x, int) -> decltype(Tensor(module.forward(x[0]))) {
  return x.size() == 1 ? Tensor(module.forward(x[0])) : Tensor();
}
template <typename Module>
Tensor output_of(Module&, const TensorList&, long) { return {}; }

using ModuleOutput = std::function<Tensor(torch::nn::Module&, const TensorList&)>;
template <typename Rule, typename Module>
void layer_examples(std::vector<LayerExample>& examples, ModuleOutput& output) {
  examples = ExamplesOf<Rule, Module>::get();
  output = [](torch::nn::Module& module, const TensorList& x) {
    return output_of(dynamic_cast<Module&>(module), x, 0);
  };
}

}  // namespace detail
}  // namespace backobs

#define BACKOBS_PLUGIN_(kind, summary, aliases, ...)                                       \
  BACKOBS_MANIFEST(kind, summary, aliases)                                                 \
  extern "C" BACKOBS_API const ::backobs::PluginEntry* backobs_plugin() {                  \
    static const ::backobs::PluginEntry entry = [] {                                       \
      ::backobs::PluginEntry e;                                                            \
      __VA_ARGS__                                                                          \
      return e;                                                                            \
    }();                                                                                   \
    return &entry;                                                                         \
  }
#define BACKOBS_OBJECT_(field, Base, Class)            \
  e.schema = &::backobs::detail::SchemaOf<Class>::get; \
  e.field = &::backobs::detail::make<::backobs::Base, Class>;

/// `summary` is one line for `backobs list`.
#define BACKOBS_PROBLEM(Class, summary) \
  BACKOBS_PLUGIN_(problem, summary, "", BACKOBS_OBJECT_(make_problem, Problem, Class))
/// `aliases`: other names, separated by commas (BackPACK's class name), or "".
#define BACKOBS_EXTENSION(Class, summary, aliases) \
  BACKOBS_PLUGIN_(extension, summary, aliases, BACKOBS_OBJECT_(make_extension, Extension, Class))
/// See backobs/runner.h.
#define BACKOBS_RUNNER(Class, summary) \
  BACKOBS_PLUGIN_(runner, summary, "", BACKOBS_OBJECT_(make_runner, Runner, Class))
/// `Rule` derives from LayerRule and is constructed from a std::shared_ptr<Module>; `Module` is a class, not its holder.
#define BACKOBS_LAYER(Rule, Module, summary)                       \
  BACKOBS_PLUGIN_(layer, summary, "",                              \
                  e.schema = &::backobs::detail::no_options;       \
                  e.make_rule = &::backobs::detail::make_rule<Rule, Module>; \
                  e.module_type = typeid(Module).name();)        \
  extern "C" BACKOBS_API void backobs_layer_examples(std::vector<::backobs::LayerExample>& examples, \
                                                     ::backobs::detail::ModuleOutput& output) {      \
    ::backobs::detail::layer_examples<Rule, Module>(examples, output);                               \
  }
