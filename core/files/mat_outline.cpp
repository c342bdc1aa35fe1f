// SPDX-License-Identifier: MIT
#include "files/mat_outline.h"

#include <backobs/error.h>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>

namespace backobs {

namespace {

constexpr uint64_t kHeader = 128, kTag = 8;
/// Tag, flags, four lengths, a name and the tag of the data take less.
constexpr std::size_t kHead = 192, kPackedHead = 4096;
/// zlib never unpacks one byte to more than this.
constexpr uint64_t kDeflateLimit = 1032;
constexpr std::size_t kMostVariables = 8;
enum Type : uint32_t { kInt8 = 1, kInt32 = 5, kUint32 = 6, kMatrix = 14, kCompressed = 15 };

uint32_t little_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[3]} << 24;
}

/// One data element: a tag of type and size, then its bytes, padded to 8; or all in one word, if they are at most four.
struct Element {
  uint32_t type = 0, size = 0;
  const uint8_t* bytes = nullptr;
};

/// Reads the elements of a variable's head in turn.
class Head {
 public:
  Head(const std::string& where, std::vector<uint8_t> bytes) : where_(where), bytes_(std::move(bytes)) {}

  [[noreturn]] void refuse(const std::string& found) const {
    throw DataError(where_, found, "a MAT-file with the variables X and y");
  }
  /// Tag alone: the data that follow may lie beyond the head.
  Element tag() {
    const uint8_t* word = take(kTag);
    const uint32_t first = little_endian(word);
    if (first >> 16 == 0) return {first, little_endian(word + 4), nullptr};
    if (first >> 16 > 4) refuse("a malformed element");
    return {first & 0xffff, first >> 16, word + 4};
  }
  Element element(uint32_t type) {
    Element found = tag();
    if (found.type != type) refuse("an element of type " + std::to_string(found.type) + " in place of " + std::to_string(type));
    if (found.bytes == nullptr) found.bytes = take((uint64_t{found.size} + 7) / 8 * 8);
    return found;
  }
  uint64_t position() const { return at_; }

 private:
  const uint8_t* take(uint64_t count) {
    if (count > bytes_.size() - at_) refuse("a truncated or overlong head of a variable");
    const uint8_t* piece = bytes_.data() + at_;
    at_ += count;
    return piece;
  }
  std::string where_;
  std::vector<uint8_t> bytes_;
  std::size_t at_ = 0;
};

std::vector<uint64_t> shape_of(Head& head) {
  const Element lengths = head.element(kInt32);
  if (lengths.size % 4 != 0 || lengths.size < 8 || lengths.size > 16) head.refuse("an array of other than 2 to 4 dimensions");
  std::vector<uint64_t> shape;
  for (uint32_t i = 0; i < lengths.size; i += 4) {
    shape.push_back(little_endian(lengths.bytes + i));
    if (shape.back() == 0 || shape.back() > INT32_MAX) head.refuse("a length of " + std::to_string(shape.back()));
  }
  return shape;
}

/// Below 2^32 in all, as the format has it, so that no product overflows.
uint64_t product(const Head& head, const std::vector<uint64_t>& shape) {
  uint64_t count = 1;
  for (const uint64_t length : shape)
    if ((count *= length) > UINT32_MAX) head.refuse("more than 2^32 elements");
  return count;
}

/// `room` is what the variable's element can hold, its own tag included.
MatVariable read_head(Head& head, uint64_t room) {
  MatVariable variable;
  const Element matrix = head.tag();
  if (matrix.type != kMatrix || matrix.bytes != nullptr || kTag + matrix.size > room) head.refuse("no variable of the size it says");
  const Element flags = head.element(kUint32);
  if (flags.size != 8 || flags.bytes[1] != 0) head.refuse("a complex, global or logical array");
  variable.array_class = flags.bytes[0];
  variable.shape = shape_of(head);
  variable.count = product(head, variable.shape);
  const Element name = head.element(kInt8);
  variable.name.assign(name.bytes, name.bytes + name.size);
  const Element data = head.tag();
  variable.stored = data.type;
  const uint64_t width = data.type == MatVariable::kStoredDoubles ? 8 : data.type == MatVariable::kStoredBytes ? 1 : 0;
  const bool known_class = variable.array_class == MatVariable::kDouble || variable.array_class == MatVariable::kUnsignedByte;
  if (width == 0 || !known_class) head.refuse("`" + variable.name + "` of another class or type");
  const uint64_t inside = data.bytes != nullptr ? 0 : (uint64_t{data.size} + 7) / 8 * 8;
  if (data.size != variable.count * width || head.position() + inside != kTag + matrix.size)
    head.refuse("`" + variable.name + "`, whose data have another size than its shape");
  return variable;
}

/// The first bytes of a compressed element.
std::vector<uint8_t> unpacked_head(const std::vector<uint8_t>& packed) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return {};
  std::vector<uint8_t> head(kHead);
  stream.next_in = const_cast<uint8_t*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = head.data();
  stream.avail_out = static_cast<uInt>(head.size());
  inflate(&stream, Z_SYNC_FLUSH);
  head.resize(head.size() - stream.avail_out);
  inflateEnd(&stream);
  return head;
}

class File {
 public:
  explicit File(const std::filesystem::path& file) : where_(file.string()), stream_(file, std::ios::binary) {
    std::error_code problem;
    if (!std::filesystem::is_regular_file(file, problem)) refuse("no such file");
    size_ = std::filesystem::file_size(file, problem);
    const std::vector<uint8_t> header = read(0, kHeader);
    const std::array<uint8_t, 4> version = {0, 1, 'I', 'M'};
    if (header.size() != kHeader || std::memcmp(&header[124], version.data(), 4) != 0) refuse("another kind of file");
  }

  std::vector<MatVariable> variables() {
    std::vector<MatVariable> result;
    for (uint64_t at = kHeader; at < size_;) {
      if (result.size() == kMostVariables) refuse("more than " + std::to_string(kMostVariables) + " variables");
      const auto tag = read(at, kTag);
      if (tag.size() < kTag) refuse("a truncated file");
      const uint32_t type = little_endian(tag.data()), size = little_endian(tag.data() + 4);
      if (size > size_ - at - kTag) refuse("a truncated variable");
      result.push_back(variable(at, type, size));
      at += kTag + size;
    }
    return result;
  }

 private:
  [[noreturn]] void refuse(const std::string& found) const {
    throw DataError(where_, found, "a MAT-file of version 5, little-endian, complete");
  }
  MatVariable variable(uint64_t at, uint32_t type, uint32_t size) {
    if (type == kMatrix) {
      Head head(where_, read(at, std::min<uint64_t>(kHead, kTag + size)));
      return read_head(head, kTag + size);
    }
    if (type != kCompressed) refuse("an element of type " + std::to_string(type));
    Head head(where_, unpacked_head(read(at + kTag, std::min<uint64_t>(kPackedHead, size))));
    return read_head(head, size * kDeflateLimit);
  }
  std::vector<uint8_t> read(uint64_t at, uint64_t count) {
    std::vector<uint8_t> bytes(count);
    stream_.clear();
    stream_.seekg(static_cast<std::streamoff>(at));
    stream_.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(count));
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, stream_.gcount())));
    return bytes;
  }

  std::string where_;
  std::ifstream stream_;
  uint64_t size_ = 0;
};

}  // namespace

std::vector<MatVariable> mat_outline(const std::filesystem::path& file) { return File(file).variables(); }

}  // namespace backobs
