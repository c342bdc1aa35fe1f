// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace backobs {

enum class Digest { md5, sha1, sha256 };

/// The digest whose checksums have as many hexadecimal digits as this one: 32, 40 or 64.
BACKOBS_API Digest digest_of(const std::string& checksum);
/// "MD5", "SHA-1", "SHA-256".
BACKOBS_API const char* to_string(Digest digest);

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

/// Of a file's bytes as they are stored.
BACKOBS_API std::string stored_checksum(const std::filesystem::path& file, Digest digest);

}  // namespace backobs
