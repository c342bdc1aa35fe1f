// SPDX-License-Identifier: MIT
#include "host/registry.h"

#include <backobs/error.h>
#include <backobs/log.h>

#include "files/comma_list.h"
#include "host/library.h"
#include "host/trust.h"

#include <algorithm>
#include <mutex>
#include <system_error>

namespace backobs {
namespace {

namespace fs = std::filesystem;

/// The *.so of a folder in alphabetical order. An unreadable folder throws std::filesystem::filesystem_error.
std::vector<fs::path> plugin_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".so") files.push_back(fs::absolute(entry.path()).lexically_normal());
  std::sort(files.begin(), files.end());
  return files;
}

/// An error's message without the file it begins with: the file is told beside it.
std::string without_where(const Error& error) {
  const std::string text = error.what(), head = error.where() + ": ";
  return text.compare(0, head.size(), head) == 0 ? text.substr(head.size()) : text;
}

}  // namespace

struct Registry::Impl {
  /// The plugins of one kind.
  struct Kind {
    std::map<std::string, PluginFile> by_name;
    std::map<std::string, std::string> name_of_alias;

    const PluginFile* find(const std::string& name) const {
      const auto alias = name_of_alias.find(name);
      const auto found = by_name.find(alias != name_of_alias.end() && !by_name.count(name) ? alias->second : name);
      return found == by_name.end() ? nullptr : &found->second;
    }
    std::vector<std::string> names_and_aliases() const {
      std::vector<std::string> names;
      for (const auto& [name, plugin] : by_name) names.push_back(name);
      for (const auto& [alias, name] : name_of_alias) names.push_back(alias);
      return names;
    }
  };

  std::vector<fs::path> folders;
  std::map<std::string, Kind> kinds;
  std::vector<Refused> refused;
  std::vector<PluginFile> candidates;  ///< their manifests are right
  std::once_flag layers_loaded;

  void load_layers();
  void scan(const fs::path& folder);
  void consider(const fs::path& file);
  void take(const PluginLook& look);
  void add(PluginFile plugin);
  std::string wanted(const std::string& kind, const std::string& name) const;
  const PluginFile* find(const std::string& kind, const std::string& name) const;
};

void Registry::Impl::scan(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) return;
  folders.push_back(folder);
  if (const auto reason = distrust(folder)) {
    refused.push_back({folder, *reason});
    return;
  }
  try {
    for (const auto& file : plugin_files(folder)) consider(file);
  } catch (const fs::filesystem_error& e) {
    refused.push_back({folder, e.code().message()});
  }
}

void Registry::Impl::consider(const fs::path& file) {
  try {
    if (const auto reason = distrust(file)) return refused.push_back({file, *reason});
    PluginFile plugin{read_manifest(file), file};
    const auto differences = mismatches(plugin.manifest);
    if (!differences.empty()) return refused.push_back({file, comma_list(differences, "; ")});
    candidates.push_back(std::move(plugin));
  } catch (const Error& e) {
    refused.push_back({file, without_where(e)});
  }
}

/// All unknown files are looked at together: starting a process for it is what costs.
void Registry::Impl::take(const PluginLook& look) {
  std::vector<fs::path> files;
  for (const auto& plugin : candidates) files.push_back(plugin.file);
  const auto objections = look ? look(files) : std::vector<Objection>(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (objections.at(i).reason.empty())
      add(std::move(candidates[i]));
    else
      refused.push_back({files[i], objections[i].reason, objections[i].quarantined});
  }
  candidates.clear();
}

void Registry::Impl::add(PluginFile plugin) {
  Kind& kind = kinds[plugin.manifest.kind];
  const auto [place, is_new] = kind.by_name.emplace(plugin.manifest.name, plugin);
  if (is_new) {
    for (const auto& alias : plugin.manifest.aliases) kind.name_of_alias.emplace(alias, plugin.manifest.name);
    return;
  }
  std::error_code ignored;
  if (fs::equivalent(place->second.file, plugin.file, ignored)) return;
  const std::string name = plugin.manifest.kind + " `" + plugin.manifest.name + "`";
  refused.push_back(
      {plugin.file, "duplicate: found " + name + ", which " + place->second.file.string() + " already is"});
}

void Registry::Impl::load_layers() {
  for (const auto& [name, plugin] : kinds["layer"].by_name) try {
      PluginLibrary::open(plugin).offer_rule();
    } catch (const Error& e) {
      log::warn(std::string(e.what()) + "; it is left out");
    }
}

const PluginFile* Registry::Impl::find(const std::string& kind, const std::string& name) const {
  const auto known = kinds.find(kind);
  return known == kinds.end() ? nullptr : known->second.find(name);
}

/// What could have been meant instead of a name that nobody has.
std::string Registry::Impl::wanted(const std::string& kind, const std::string& name) const {
  for (const auto& [other, plugins] : kinds)
    if (other != kind && plugins.find(name)) return "a known " + kind + " (`" + name + "` is of kind " + other + ")";
  const auto known = kinds.find(kind);
  if (known == kinds.end() || known->second.by_name.empty())
    return "a known " + kind + " (there is none; `backobs doctor` says where plugins are looked for)";
  std::vector<std::string> names;
  for (const auto& [key, plugin] : known->second.by_name) names.push_back(key);
  return "a known " + kind + " (" + comma_list(names) + ")";
}

Registry::Registry(const std::vector<fs::path>& folders, const PluginLook& look) : impl_(std::make_unique<Impl>()) {
  for (const auto& folder : folders) impl_->scan(folder);
  impl_->take(look);
}
Registry::~Registry() = default;

std::vector<PluginFile> Registry::list(const std::string& kind) const {
  std::vector<PluginFile> plugins;
  const auto known = impl_->kinds.find(kind);
  if (known == impl_->kinds.end()) return plugins;
  for (const auto& [name, plugin] : known->second.by_name) plugins.push_back(plugin);
  return plugins;
}

const std::vector<Refused>& Registry::refused() const { return impl_->refused; }
const std::vector<fs::path>& Registry::folders() const { return impl_->folders; }

const PluginFile& Registry::find(const std::string& kind, const std::string& name, const std::string& where) const {
  if (const PluginFile* plugin = impl_->find(kind, name)) return *plugin;
  for (const auto& refused : impl_->refused)
    if (refused.file.extension() == ".so" && refused.file.stem() == name)
      throw PluginError(where, kind + " `" + name + "` cannot be used: " + refused.file.string() + " was refused (" +
                                   refused.reason + ")");
  const auto known = impl_->kinds.find(kind);
  const auto nearest = known == impl_->kinds.end() ? "" : nearest_name(name, known->second.names_and_aliases());
  throw ConfigError(where, kind + " `" + name + "`", nearest.empty() ? impl_->wanted(kind, name) : "a known " + kind,
                    nearest);
}

Schema Registry::schema(const std::string& kind, const std::string& name) const {
  return PluginLibrary::open(find(kind, name, "")).schema();
}
std::string Registry::layer_module(const std::string& name) const {
  return PluginLibrary::open(find("layer", name, "")).module_type();
}
std::unique_ptr<Problem> Registry::make_problem(const std::string& name, const Options& options) const {
  std::call_once(impl_->layers_loaded, [this] { impl_->load_layers(); });
  return PluginLibrary::open(find("problem", name, "")).make_problem(options);
}
std::unique_ptr<Extension> Registry::make_extension(const std::string& name, const Options& options) const {
  return PluginLibrary::open(find("extension", name, "")).make_extension(options);
}
std::unique_ptr<Runner> Registry::make_runner(const std::string& name, const Options& options) const {
  return PluginLibrary::open(find("runner", name, "")).make_runner(options);
}

}  // namespace backobs
