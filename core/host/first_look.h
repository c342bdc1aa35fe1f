// SPDX-License-Identifier: MIT
#pragma once

#include "host/registry.h"
#include "host/verdicts.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// The first look at plugin files nobody has loaded yet: it happens in another process, because code that runs when a
/// library is loaded may do anything to its process. That process is this program, started anew with the word
/// kLookVerb; it loads one file after the other, asks for entry and schema, and reports on a pipe before and after each.
/// It constructs nothing. If it ends or stands still, the file at hand is to blame, and another process goes on with the
/// next one: many files cost one start of LibTorch, and one more for each that misbehaves.
namespace backobs {

constexpr const char* kLookVerb = "__look";

/// How long loading one file may take; the process has ten times as long to start.
struct LookLimits {
  std::chrono::milliseconds per_file{10000};
  /// With BACKOBS_PLUGIN_TIMEOUT seconds per file, if that is set to a positive number.
  BACKOBS_API static LookLimits from_environment();
};

/// One verdict per file, in their order. A file that nobody could look at, because no process could be started, has
/// none: the reason tells.
struct Looked {
  std::optional<Verdict> verdict;
  std::string failure;
};
BACKOBS_API std::vector<Looked> look_at(const std::vector<std::filesystem::path>& files, const LookLimits& limits);

/// The other process: the answers' descriptor, the parent, and the files, as look_at passes them. Its exit code.
BACKOBS_API int examine(const std::vector<std::string>& arguments);

/// Why files must not be loaded, by the user's verdicts, or from a look at the files that have none, which then do. This is
/// what the program hands to Registry.
BACKOBS_API std::vector<Objection> objections(const std::vector<std::filesystem::path>& files);

}  // namespace backobs
