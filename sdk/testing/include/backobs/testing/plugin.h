// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/extension.h>
#include <backobs/options.h>
#include <backobs/problem.h>
#include <backobs/runner.h>
#include <backobs/testing/checks.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace backobs::testing {

/// One plugin, loaded from its file as the program loads it: manifest compared, symbols resolved, options checked. Networks
/// that are built after a layer was loaded use its rule.
///
///     const Plugin plugin(BACKOBS_PLUGIN_FILE);             // set by backobs_add_test(… PLUGIN …)
///     const auto runner = plugin.make_runner({{"lr", "0.1"}});
class BACKOBS_API Plugin {
 public:
  /// Throws PluginError, with what was found and wanted, for a file that the program would refuse.
  explicit Plugin(const std::filesystem::path& file);
  ~Plugin();

  /// What the manifest says: "extension", and the file's stem.
  const std::string& kind() const;
  const std::string& name() const;

  /// What it declares; empty for a layer.
  Schema schema() const;
  /// An instance. Options are given as they are written in YAML ("1e-3", "true"; no lists); what is not given has its
  /// default. Throws ConfigError as a campaign would, PluginError if the plugin is of another kind.
  std::unique_ptr<Problem> make_problem(const std::map<std::string, std::string>& options = {}) const;
  std::unique_ptr<Extension> make_extension(const std::map<std::string, std::string>& options = {}) const;
  std::unique_ptr<Runner> make_runner(const std::map<std::string, std::string>& options = {}) const;

  /// What check_problem, check_extension and check_runner take. Valid for as long as the process; PluginError if the plugin
  /// is of another kind.
  Factory<Problem> problem_factory() const;
  Factory<Extension> extension_factory() const;
  Factory<Runner> runner_factory() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace backobs::testing
