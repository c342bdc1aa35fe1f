// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

/// Files that exist whole or not at all: written under a temporary name (".part" behind the name), synced, renamed.
namespace backobs {

/// Creates the folder and those above it. Throws ComputeError with the system's reason, as everything here does.
BACKOBS_API void make_folder(const std::filesystem::path& folder);
/// Writes or replaces `file`; its folder exists. Links are followed; what is no regular file is refused.
BACKOBS_API void write_file(const std::filesystem::path& file, std::string_view text);

/// Makes the names in a folder survive a power loss: a rename or removal counts only then.
BACKOBS_API void sync_folder(const std::filesystem::path& folder);

/// A file that grows while a run lasts. Lines are buffered; without `commit` or `leave` the destructor removes it, unless it
/// was synced or gone on with: then a checkpoint may count on what is there.
class BACKOBS_API GrowingFile {
 public:
  explicit GrowingFile(std::filesystem::path file);
  /// The same under another temporary name.
  GrowingFile(std::filesystem::path file, std::filesystem::path part);
  /// Goes on with the first `size` bytes of what an earlier process left, under either name; the rest is cut off.
  /// Throws ComputeError if that is not there or shorter.
  GrowingFile(std::filesystem::path file, int64_t size);
  ~GrowingFile();
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  void append(std::string_view text);
  /// Hands the buffer to the system.
  void flush();
  /// Flushes and syncs; the bytes that are on disk now, those of other writers included.
  int64_t sync();
  /// Leaves the part where it is, without what is still buffered, for a later process to go on with.
  void leave();
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
  bool is_counted_on_ = false;
};

}  // namespace backobs
