// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <filesystem>

namespace backobs {

/// Gives a finished file its name: synced first, then renamed, then the folder synced, so that under the new name there
/// is either the whole file or what was there before. Both paths lie on one file system. Throws DataError.
BACKOBS_API void publish(const std::filesystem::path& part, const std::filesystem::path& file);

}  // namespace backobs
