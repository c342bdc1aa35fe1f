// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/extension.h>
#include <backobs/options.h>
#include <backobs/problem.h>
#include <backobs/runner.h>

#include "files/manifest.h"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace backobs {

/// A plugin file that was not taken, and why. The rest keeps working. Files and folders that everybody may write to, or
/// that belong to a stranger, are refused unless BACKOBS_TRUST_ALL_PLUGINS=1 says that all are trusted.
struct Refused {
  std::filesystem::path file;
  std::string reason;  ///< "libtorch: found 2.6.0, wanted 1.13.0"
  bool quarantined = false;  ///< it was looked at, and ended or stopped the process that looked
};

/// A plugin known by its manifest; loaded on first use.
struct PluginFile {
  Manifest manifest;
  std::filesystem::path file;
};

/// Why a file must not be loaded; an empty reason: it may.
struct Objection {
  std::string reason;
  bool quarantined = false;
};
/// What a look at plugin files objects to, one answer per file (host/first_look.h).
using PluginLook = std::function<std::vector<Objection>(const std::vector<std::filesystem::path>&)>;

/// All plugins found on a search path. Reading it loads none of them.
class BACKOBS_API Registry {
 public:
  /// Reads the manifest of every *.so of the folders, first folder first, and hands those that match this host to `look`;
  /// without one they are taken on trust. A name found twice keeps the first and reports the other.
  explicit Registry(const std::vector<std::filesystem::path>& folders, const PluginLook& look = {});
  ~Registry();

  /// Plugins of one kind ("problem", "extension", "runner", "layer"), by name.
  std::vector<PluginFile> list(const std::string& kind) const;
  /// Files, and folders, that were not taken: those that cannot be plugins of this host, then the others.
  const std::vector<Refused>& refused() const;
  /// The folders of the search path that exist.
  const std::vector<std::filesystem::path>& folders() const;
  /// The plugin called `name`, an alias of it included. Throws PluginError or, for a name nobody has, ConfigError with
  /// `where`, the known names and the nearest; a refused file of that name is mentioned with its reason.
  const PluginFile& find(const std::string& kind, const std::string& name, const std::string& where) const;

  /// Loads the plugin if needed. What it declares.
  Schema schema(const std::string& kind, const std::string& name) const;
  /// The module class that a layer plugin's rule is for: "torch::nn::MishImpl". Loads the plugin if needed.
  std::string layer_module(const std::string& name) const;
  /// Instances keep nothing of the registry but the loaded library, which stays open until exit. The first problem loads
  /// every layer plugin, so that its network finds their rules; one that cannot be used is left out with a warning.
  std::unique_ptr<Problem> make_problem(const std::string& name, const Options& options) const;
  std::unique_ptr<Extension> make_extension(const std::string& name, const Options& options) const;
  std::unique_ptr<Runner> make_runner(const std::string& name, const Options& options) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Where plugins are looked for, in this order: `first` (--plugin-path), BACKOBS_PLUGIN_PATH, ./plugins, the plugins
/// beside the running program's build, the installed ones. Folders that do not exist are left out, and none is named
/// twice; one of `first` that does not exist is a UsageError.
BACKOBS_API std::vector<std::filesystem::path> plugin_search_path(const std::vector<std::filesystem::path>& first = {});

}  // namespace backobs
