// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace backobs {

/// The bytes of a regular file from begin to end, unpacked on the way if the file is gzip (recognised by its first
/// two bytes, not by its name). Never holds more than a fixed buffer, so the caller decides how much to accept.
/// Every failure is a DataError that names the file: missing, not a regular file, unreadable, a gzip stream that is
/// truncated, damaged, or followed by bytes that are not gzip.
class BACKOBS_API ByteSource {
 public:
  explicit ByteSource(const std::filesystem::path& file);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Fills `out` and returns how many bytes there were; fewer than `count` only at the end.
  std::size_t read(uint8_t* out, std::size_t count);

  const std::filesystem::path& file() const;
  /// Bytes on disk, packed or not.
  uint64_t stored_size() const;
  bool is_packed() const;
  /// An upper bound of what read() can ever deliver: the file's size, or what deflate can make of it at most.
  uint64_t most_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace backobs
