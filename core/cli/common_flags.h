// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace backobs {

/// The flags that mean the same on every verb that has them. An empty optional was not given: the problem's or the file's own value
/// counts then.
struct CommonFlags {
  std::vector<std::filesystem::path> plugin_path;  ///< --plugin-path, may be repeated; searched first
  std::optional<Source> source;                    ///< --source real|synthetic
  std::filesystem::path data_dir;                  ///< --data-dir; empty: the search order of `backobs data list`
  std::filesystem::path output;                    ///< --output; empty: the verb's own default
  std::optional<int64_t> batch_size;               ///< --batch-size, at least 1
  std::optional<uint64_t> seed;                    ///< --seed, from 0
  std::optional<int64_t> threads;                  ///< --threads, 1 to 1024; absent: all hardware threads
  std::optional<c10::Device> device;               ///< --device; absent: cpu
  std::optional<c10::ScalarType> dtype;            ///< --dtype float32|float64; absent: float32

  /// Threads to compute with: as asked for, or one per hardware thread.
  int thread_count() const;
  /// What a problem's data source is asked for. Flags that were not given keep DataRequest's defaults.
  DataRequest data_request(Protocol protocol = Protocol::deepobs) const;
};

using FlagNames = std::vector<std::string>;
/// All of them, "--plugin-path" first.
const FlagNames& common_flag_names();

/// Those of verbs that compute and write no results: all but "--output".
FlagNames pass_flags();

/// Adds those of the common flags to a verb that it reads; the others are unknown to it. They are read into `flags` when
/// the command line is parsed; a wrong value throws UsageError.
void attach_common_flags(CLI::App& verb, CommonFlags& flags, const FlagNames& names = common_flag_names());

/// Says so where there are more threads than cores.
void warn_of_threads(int64_t threads);

/// A strict number from a flag's text. Throws UsageError naming the flag.
int64_t integer_flag(const std::string& flag, const std::string& text, int64_t minimum);
double real_flag(const std::string& flag, const std::string& text);

}  // namespace backobs
