// SPDX-License-Identifier: MIT
#include "host/library.h"

#include <backobs/error.h>

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>

#include "host/attributed_rule.h"
#include "host/checked_problem.h"
#include "network/rule_table.h"

#include <c10/util/Exception.h>
#include <c10/util/Type.h>

#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>

namespace backobs {
namespace {

using boost::dll::shared_library;

std::string label_of(const PluginFile& plugin) {
  return plugin.manifest.kind + " `" + plugin.manifest.name + "` (" + plugin.file.string() + ")";
}

[[noreturn]] void blame(const std::string& label, const std::string& phase, const std::string& found) {
  throw PluginError(label, found + " " + phase);
}

/// Runs a piece of the plugin's code. `phase`: "while loading", "in schema()", "when it was made".
template <typename Call>
auto guarded(const std::string& label, const std::string& phase, Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const ConfigError&) {
    throw;
  } catch (const c10::Error& e) {
    blame(label, phase, std::string("threw `") + e.what_without_backtrace() + "`");
  } catch (const std::exception& e) {
    blame(label, phase, std::string("threw `") + e.what() + "`");
  } catch (...) {
    blame(label, phase, "threw something that is no exception");
  }
}

/// The loader's own words inside Boost's: "…(dlerror system message: <words>): …".
std::string loader_words(const std::string& text) {
  const std::string head = "dlerror system message: ", tail = "): ";
  const std::size_t begin = text.find(head);
  if (begin == std::string::npos) return text;
  const std::size_t end = text.rfind(tail);
  const std::size_t first = begin + head.size();
  return text.substr(first, end == std::string::npos || end < first ? end : end - first);
}

shared_library map_file(const PluginFile& plugin, const std::string& label) {
  std::string words;
  shared_library library = guarded(label, "while loading", [&]() -> shared_library {
    try {
      return shared_library(plugin.file, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    } catch (const std::system_error& e) {
      words = loader_words(e.what());
      return {};
    }
  });
  if (!library.is_loaded()) throw PluginError(label, "cannot be loaded: " + words);
  return library;
}

bool has_factory(const PluginEntry& entry, const std::string& kind) {
  if (kind == "problem") return entry.make_problem != nullptr;
  if (kind == "extension") return entry.make_extension != nullptr;
  if (kind == "layer") return entry.make_rule != nullptr && entry.module_type != nullptr;
  return kind == "runner" && entry.make_runner != nullptr;
}

PluginEntry read_entry(const shared_library& library, const PluginFile& plugin, const std::string& label) {
  if (!library.has("backobs_plugin"))
    throw PluginError(label, "no exported function `backobs_plugin`", "one, from a macro of backobs/plugin.h");
  const auto& ask = library.get<const PluginEntry*()>("backobs_plugin");
  const PluginEntry* entry = guarded(label, "in backobs_plugin()", [&] { return ask(); });
  if (!entry) throw PluginError(label, "no entry", "a PluginEntry");
  if (entry->size != sizeof(PluginEntry))
    throw PluginError(label, "an entry of " + std::to_string(entry->size) + " bytes",
                      std::to_string(sizeof(PluginEntry)));
  if (!entry->schema || !has_factory(*entry, plugin.manifest.kind))
    throw PluginError(label, "an entry without schema or factory",
                      "both, as its manifest says " + plugin.manifest.kind);
  return *entry;
}

void check_schema(const Schema& schema, const std::string& label) {
  std::set<std::string> names;
  for (const Option& option : schema.options()) {
    if (!names.insert(option.name).second) throw PluginError(label, "two options `" + option.name + "`", "one");
    if (!option.fallback) continue;
    try {
      parse_value(option, {{to_text(*option.fallback)}, false, false, label});
    } catch (const ConfigError& e) {
      throw PluginError(label, "default of " + e.found(), e.wanted());
    }
  }
}

template <typename T, typename Factory>
std::unique_ptr<T> make(const std::string& label, Factory* factory, const Options& options) {
  auto made = guarded(label, "when it was made", [&] { return factory(options); });
  if (!made) throw PluginError(label, "nothing from its factory", "an object");
  return made;
}

}  // namespace

const PluginLibrary& PluginLibrary::open(const PluginFile& plugin) {
  // Leaked on purpose: see the header.
  static auto& libraries = *new std::map<std::string, std::pair<shared_library, PluginLibrary>>;
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto known = libraries.find(plugin.file.string());
  if (known != libraries.end()) return known->second.second;
  const std::string label = label_of(plugin);
  shared_library library = map_file(plugin, label);
  const PluginEntry entry = read_entry(library, plugin, label);
  const std::string examples = "backobs_layer_examples";
  PluginLibrary opened(label, plugin.manifest.name, entry, library.has(examples) ? &library.get<AskExamples>(examples) : nullptr);
  return libraries.emplace(plugin.file.string(), std::make_pair(std::move(library), std::move(opened)))
      .first->second.second;
}

Schema PluginLibrary::schema() const {
  const Schema schema = guarded(label_, "in schema()", [&] { return entry_.schema(); });
  check_schema(schema, label_);
  return schema;
}
std::unique_ptr<Problem> PluginLibrary::make_problem(const Options& options) const {
  return checked(label_, name_, make<Problem>(label_, entry_.make_problem, options));
}
std::unique_ptr<Extension> PluginLibrary::make_extension(const Options& options) const {
  return make<Extension>(label_, entry_.make_extension, options);
}
std::unique_ptr<Runner> PluginLibrary::make_runner(const Options& options) const {
  return make<Runner>(label_, entry_.make_runner, options);
}
std::string PluginLibrary::module_type() const { return c10::demangle(entry_.module_type); }
std::shared_ptr<const LayerRule> PluginLibrary::make_rule(const std::shared_ptr<torch::nn::Module>& module) const {
  return guarded(label_, "when its rule was made", [&] { return entry_.make_rule(module); });
}
PluginLibrary::Examples PluginLibrary::layer_examples() const {
  Examples examples;
  if (examples_) guarded(label_, "in examples()", [&] { examples_(examples.list, examples.output); });
  return examples;
}
void PluginLibrary::offer_rule() const {
  const auto make = [self = *this](const std::shared_ptr<torch::nn::Module>& module) {
    return attributed(self.name_, self.make_rule(module));
  };
  const std::string owner = rule_table().offer(entry_.module_type, label_, make);
  if (owner != label_)
    throw PluginError(label_, "a rule for " + module_type() + ", which " + owner + " has",
                      "a module type that has no rule yet");
}

}  // namespace backobs
