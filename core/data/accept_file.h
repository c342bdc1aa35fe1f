// SPDX-License-Identifier: MIT
#pragma once

#include "data/data_sets.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace backobs {

/// Gives `part` its final name `file`, if its content is what `wanted` says; otherwise removes it and throws DataError
/// about `where`. The other form of the file (plain or ".gz") beside it goes, as it would hide this one.
void accept_file(const DataFile& wanted, const std::filesystem::path& part, const std::filesystem::path& file,
                 const std::string& where);
/// The same for content in memory.
void accept_content(const DataFile& wanted, const std::vector<uint8_t>& content, const std::filesystem::path& file,
                    const std::string& where);

}  // namespace backobs
