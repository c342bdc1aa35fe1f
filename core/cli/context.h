// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/error.h>

#include "cli/common_flags.h"
#include "host/registry.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace backobs {

/// What the verbs share: the common flags, the plugins, and what is to be done once the command line is understood.
class Context {
 public:
  CommonFlags flags;
  /// Set by the verb that was named; main runs it and returns its code.
  std::function<ExitCode()> action;

  /// All plugins on the search path; looked for at the first call, when files nobody has looked at are looked at.
  const Registry& registry();
  /// The plugin of that name, or UsageError with the nearest one: for names on the command line.
  const PluginFile& plugin(const std::string& kind, const std::string& name);
  /// The extensions named after --extensions, aliases resolved. Two of one kind need `as`, which only a file can give:
  /// UsageError.
  std::vector<std::string> extensions(const std::vector<std::string>& names);

 private:
  std::unique_ptr<Registry> registry_;
};

/// Adds a verb with the common flags it reads (all, unless told otherwise):
///
///     auto options = std::make_shared<ListOptions>();
///     CLI::App& verb = add_verb(app, context, "list", "what it does",
///                               [&context, options] { return list(context, *options); }, {"--plugin-path"});
///     verb.add_option("kind", options->kind, "problem, extension or runner");
///
/// The action runs after the whole command line is parsed, with LibTorch's thread count set.
CLI::App& add_verb(CLI::App& app, Context& context, const std::string& name, const std::string& doc,
                   std::function<ExitCode()> action, const FlagNames& flags = common_flag_names());

/// Runs `read`, which checks values from the command line: what would be an error of an experiment file (exit code 3)
/// is one of usage (2) here.
template <typename Read>
auto from_command_line(Read read) -> decltype(read()) {
  try {
    return read();
  } catch (const ConfigError& e) {
    throw UsageError(e.where(), e.found(), e.wanted(), e.nearest());
  }
}

}  // namespace backobs
