// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace backobs {

/// Exit codes of the program; part of its interface.
enum class ExitCode : int {
  done = 0,
  some_runs_failed = 1,
  usage = 2,
  invalid_config = 3,
  plugin_problem = 4,
  data_missing = 5,
  interrupted = 75,
  stopped = 130,
};

/// What went wrong, in four parts. Every message answers: where (file:line:column, node, plugin), what was
/// found there, what was wanted instead, and which known name comes nearest. Empty parts are left out.
///
///     throw ConfigError("quickstart.yaml:4:9", "problem `mnist_mpl`", "a known problem", "mnist_mlp");
///     // quickstart.yaml:4:9: found problem `mnist_mpl`, wanted a known problem; did you mean `mnist_mlp`?
class BACKOBS_API Error : public std::runtime_error {
 public:
  Error(ExitCode code, std::string where, std::string found, std::string wanted = "", std::string nearest = "");
  ~Error() override;

  ExitCode code() const { return code_; }  ///< what the program ends with; below, the four parts
  const std::string& where() const { return where_; }
  const std::string& found() const { return found_; }
  const std::string& wanted() const { return wanted_; }
  const std::string& nearest() const { return nearest_; }

 private:
  ExitCode code_;
  std::string where_, found_, wanted_, nearest_;
};

/// The command line asks for something that does not exist. Exit code 2.
struct BACKOBS_API UsageError : Error {
  UsageError(std::string where, std::string found, std::string wanted = "", std::string nearest = "");
};
/// An experiment file or an option is wrong. Exit code 3.
struct BACKOBS_API ConfigError : Error {
  ConfigError(std::string where, std::string found, std::string wanted = "", std::string nearest = "");
};
/// A plugin cannot be used, or broke its contract. Exit code 4.
struct BACKOBS_API PluginError : Error {
  PluginError(std::string where, std::string found, std::string wanted = "", std::string nearest = "");
};
/// A data file is missing, truncated or not what it claims to be. Exit code 5.
struct BACKOBS_API DataError : Error {
  DataError(std::string where, std::string found, std::string wanted = "", std::string nearest = "");
};
/// A computation was asked for that has no meaning here (shapes, unsupported quantity). Exit code 1.
struct BACKOBS_API ComputeError : Error {
  ComputeError(std::string where, std::string found, std::string wanted = "", std::string nearest = "");
};

/// The name in `known` that a typist of `word` most likely meant; empty if none is near. The distance counts
/// insertions, deletions, replacements and swaps of neighbours, and may be at most a third of the word.
BACKOBS_API std::string nearest_name(const std::string& word, const std::vector<std::string>& known);

}  // namespace backobs
