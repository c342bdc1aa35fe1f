// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <filesystem>
#include <string>
#include <string_view>

/// Files that exist whole or not at all: written under a temporary name (".part" behind the name), synced, renamed.
namespace backobs {

/// Creates the folder and those above it. Throws ComputeError with the system's reason, as everything here does.
BACKOBS_API void make_folder(const std::filesystem::path& folder);
/// Writes or replaces `file`; its folder exists.
BACKOBS_API void write_file(const std::filesystem::path& file, std::string_view text);

/// A file that grows while a run lasts. Lines are buffered; without `commit` the destructor removes it.
class BACKOBS_API GrowingFile {
 public:
  explicit GrowingFile(std::filesystem::path file);
  ~GrowingFile();
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  void append(std::string_view text);
  /// Hands the buffer to the system.
  void flush();
  /// Flushes, syncs and gives the file its name. Nothing can be appended afterwards.
  void commit();
  /// False once it is committed.
  bool is_growing() const { return descriptor_ >= 0; }
  /// Where it grows.
  const std::filesystem::path& part() const { return part_; }

 private:
  std::filesystem::path file_, part_;
  std::string buffer_;
  int descriptor_ = -1;
};

}  // namespace backobs
