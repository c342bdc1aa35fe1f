// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace backobs {

/// The whole content of a file, unpacked if it is gzip. Memory grows only while the file keeps delivering, so a small
/// file that promises much costs little. Throws DataError as ByteSource does, and if there are more than `most` bytes.
BACKOBS_API std::vector<uint8_t> read_bytes(const std::filesystem::path& file, uint64_t most);

}  // namespace backobs
