// SPDX-License-Identifier: MIT
#include "files/byte_source.h"

#include <backobs/error.h>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

namespace backobs {

namespace {

/// What zlib's authors give as the limit: one byte of deflate never unpacks to more bytes than this.
constexpr uint64_t kDeflateLimit = 1032;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

uint64_t size_of_regular(const std::filesystem::path& file) {
  std::error_code problem;
  const auto status = std::filesystem::status(file, problem);
  if (!std::filesystem::exists(status)) throw DataError(file.string(), "no such file", "a readable file");
  if (!std::filesystem::is_regular_file(status)) throw DataError(file.string(), "not a regular file", "a file");
  const uint64_t size = std::filesystem::file_size(file, problem);
  if (problem) throw DataError(file.string(), problem.message(), "a readable file");
  return size;
}

}  // namespace

struct ByteSource::Impl {
  std::filesystem::path file;
  uint64_t stored = 0;
  std::unique_ptr<std::FILE, Close> handle;
  bool packed = false, finished = false;
  z_stream stream{};
  std::array<uint8_t, 1 << 16> buffer;

  ~Impl() {
    if (packed) inflateEnd(&stream);
  }

  [[noreturn]] void refuse(const std::string& found) const {
    throw DataError(file.string(), found, "a complete gzip file");
  }

  void open() {
    stored = size_of_regular(file);
    handle.reset(std::fopen(file.c_str(), "rb"));
    if (!handle) throw DataError(file.string(), std::generic_category().message(errno), "a readable file");
    std::array<uint8_t, 2> magic{};
    const bool starts_gzip = fill(magic.data(), 2) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
    std::rewind(handle.get());
    // 16 asks for the gzip wrapper, 15 for the largest window.
    if (starts_gzip && inflateInit2(&stream, 16 + 15) != Z_OK) refuse("no memory to unpack it");
    packed = starts_gzip;
  }

  std::size_t fill(uint8_t* out, std::size_t count) {
    const std::size_t got = std::fread(out, 1, count, handle.get());
    if (std::ferror(handle.get())) throw DataError(file.string(), "a read error", "a readable file");
    return got;
  }

  bool more_input() {
    if (stream.avail_in > 0) return true;
    stream.next_in = buffer.data();
    stream.avail_in = static_cast<uInt>(fill(buffer.data(), buffer.size()));
    return stream.avail_in > 0;
  }

  /// A gzip file may consist of several members, one after the other.
  void next_member() {
    if (!more_input())
      finished = true;
    else if (*stream.next_in != 0x1f)
      refuse("bytes behind the end of the gzip stream");
    else
      inflateReset(&stream);
  }

  std::size_t unpack(uint8_t* out, std::size_t count) {
    std::size_t done = 0;
    while (done < count && !finished) {
      if (!more_input()) refuse("a gzip stream that ends too early");
      const auto room = static_cast<uInt>(std::min<std::size_t>(count - done, 1u << 30));
      stream.next_out = out + done;
      stream.avail_out = room;
      const int result = inflate(&stream, Z_NO_FLUSH);
      done += room - stream.avail_out;
      if (result == Z_STREAM_END)
        next_member();
      else if (result != Z_OK)
        refuse(std::string("a damaged gzip stream (") + (stream.msg != nullptr ? stream.msg : "no progress") + ")");
    }
    return done;
  }
};

ByteSource::ByteSource(const std::filesystem::path& file) : impl_(std::make_unique<Impl>()) {
  impl_->file = file;
  impl_->open();
}
ByteSource::~ByteSource() = default;

std::size_t ByteSource::read(uint8_t* out, std::size_t count) {
  return impl_->packed ? impl_->unpack(out, count) : impl_->fill(out, count);
}

const std::filesystem::path& ByteSource::file() const { return impl_->file; }
uint64_t ByteSource::stored_size() const { return impl_->stored; }
bool ByteSource::is_packed() const { return impl_->packed; }
uint64_t ByteSource::most_bytes() const {
  if (!impl_->packed) return impl_->stored;
  return impl_->stored > UINT64_MAX / kDeflateLimit ? UINT64_MAX : impl_->stored * kDeflateLimit;
}

}  // namespace backobs
