// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <filesystem>

namespace backobs {

/// Gives a finished file its name: synced first, then renamed, then the folder synced, so that under the new name there
/// is either the whole file or what was there before. Both paths lie on one file system. Throws DataError.
BACKOBS_API void publish(const std::filesystem::path& part, const std::filesystem::path& file);

/// Where a file that a user named is to be renamed to: links are followed, so that they stay. Throws ComputeError if a
/// device, a pipe or a folder has the name; renaming would remove it.
BACKOBS_API std::filesystem::path target_of(const std::filesystem::path& file);

}  // namespace backobs
