// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/settings.h"

#include <ctime>
#include <filesystem>
#include <string>

namespace backobs {

/// Writes a run's DeepOBS JSON as `deepobs.json` into its folder and gives that file a second name in the tree that
/// DeepOBS reads: the path of deepobs_path, or a later second where another run of the same setting and seed has it.
///
/// Being one file under two names, a run finds its own again: calling this a second time, after a crash on the way, adds
/// nothing. On a file system without hard links the second name is a copy. Returns the path below `tree`.
BACKOBS_API std::filesystem::path write_deepobs_file(const std::filesystem::path& run_folder,
                                                     const std::filesystem::path& tree, const RunSettings& settings,
                                                     const std::string& optimizer, std::time_t start,
                                                     const std::string& text);

}  // namespace backobs
