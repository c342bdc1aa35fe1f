// SPDX-License-Identifier: MIT
#pragma once

/// What turns one source file into a plugin: one macro per kind, at the end of the file.
///
///     BACKOBS_EXTENSION(DiagGgnExact, "Diagonal of the generalised Gauss-Newton matrix, exact", "DiagGGNExact")
///
/// The class is constructed from checked options (`explicit DiagGgnExact(const Options&)`) and may declare them
/// (`static Schema schema()`); without one it takes none. The plugin's name is the file's stem, given by the build.

#include <backobs/extension.h>
#include <backobs/options.h>
#include <backobs/plugin_manifest.h>
#include <backobs/problem.h>
#include <backobs/runner.h>

#include <memory>
#include <type_traits>

namespace backobs {

/// What a plugin's one exported function returns: how to make instances. Exactly one factory is set.
struct PluginEntry {
  uint32_t size = sizeof(PluginEntry);
  Schema (*schema)() = nullptr;
  std::unique_ptr<Problem> (*make_problem)(const Options&) = nullptr;
  std::unique_ptr<Extension> (*make_extension)(const Options&) = nullptr;
  std::unique_ptr<Runner> (*make_runner)(const Options&) = nullptr;
};

namespace detail {

template <typename T, typename = void>
struct SchemaOf {
  static Schema get() { return {}; }
};
template <typename T>
struct SchemaOf<T, std::void_t<decltype(T::schema())>> {
  static Schema get() { return T::schema(); }
};
template <typename Base, typename T>
std::unique_ptr<Base> make(const Options& options) {
  return std::make_unique<T>(options);
}

}  // namespace detail
}  // namespace backobs

#define BACKOBS_PLUGIN_(kind, field, Base, Class, summary, aliases)                        \
  BACKOBS_MANIFEST(kind, summary, aliases)                                                 \
  extern "C" BACKOBS_API const ::backobs::PluginEntry* backobs_plugin() {                  \
    static const ::backobs::PluginEntry entry = [] {                                       \
      ::backobs::PluginEntry e;                                                            \
      e.schema = &::backobs::detail::SchemaOf<Class>::get;                                 \
      e.field = &::backobs::detail::make<::backobs::Base, Class>;                          \
      return e;                                                                            \
    }();                                                                                   \
    return &entry;                                                                         \
  }

/// The last argument of an extension names its aliases, separated by commas (BackPACK's class name), or "".
#define BACKOBS_PROBLEM(Class, summary) BACKOBS_PLUGIN_("problem", make_problem, Problem, Class, summary, "")
#define BACKOBS_EXTENSION(Class, summary, aliases) \
  BACKOBS_PLUGIN_("extension", make_extension, Extension, Class, summary, aliases)
#define BACKOBS_RUNNER(Class, summary) BACKOBS_PLUGIN_("runner", make_runner, Runner, Class, summary, "")
