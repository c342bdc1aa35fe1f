// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <filesystem>

namespace backobs {

/// The user's own folders for BackOBS by the XDG base directory rules: $XDG_DATA_HOME/backobs, else
/// ~/.local/share/backobs; $XDG_CACHE_HOME/backobs, else ~/.cache/backobs. A relative value is ignored, as the rules
/// say. Empty if there is no home either. Nothing is created.
BACKOBS_API std::filesystem::path user_data_folder();
BACKOBS_API std::filesystem::path user_cache_folder();

}  // namespace backobs
