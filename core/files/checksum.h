// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace backobs {

enum class Digest { md5, sha256 };

/// A checksum that grows piece by piece.
class BACKOBS_API Checksum {
 public:
  explicit Checksum(Digest digest);
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void add(const void* bytes, std::size_t count);
  /// Lower-case hexadecimal digits; call once, at the end.
  std::string finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

BACKOBS_API std::string checksum(Digest digest, const void* bytes, std::size_t count);

/// Of a file's content, unpacked if it is gzip: packing again changes a gzip file, not its content. Throws DataError as
/// ByteSource does, and if the content is larger than `most` bytes.
BACKOBS_API std::string content_checksum(const std::filesystem::path& file, Digest digest, uint64_t most);

}  // namespace backobs
