// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace backobs {

/// What tells one state of a file from another without reading it. Take it before reading the file.
struct FileIdentity {
  std::string path;  ///< absolute
  uint64_t size = 0, inode = 0;
  int64_t modified = 0, changed = 0;  ///< nanoseconds

  std::string text() const;
};
/// Throws DataError if the file is not there.
BACKOBS_API FileIdentity identity_of(const std::filesystem::path& file);

/// Whether a file in this state is known to have had this checksum. The memory is one small file per data file in the
/// user's cache folder; where that cannot be read or written every file is simply checked again.
BACKOBS_API bool was_checked(const FileIdentity& file, const std::string& checksum);
BACKOBS_API void remember_checked(const FileIdentity& file, const std::string& checksum) noexcept;

}  // namespace backobs
