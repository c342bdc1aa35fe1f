// SPDX-License-Identifier: MIT
#include "files/idx.h"

#include <backobs/error.h>

#include "files/byte_source.h"

#include <algorithm>
#include <string>

namespace backobs {

namespace {

constexpr uint8_t kUnsignedByte = 0x08;
/// Grow in steps: what a header promises is allocated only while the file keeps delivering.
constexpr uint64_t kStep = uint64_t{64} << 20;

std::string magic_text(uint32_t magic) { return "magic number " + std::to_string(magic); }

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

/// Appends up to `count` bytes; returns how many there were.
uint64_t append(ByteSource& source, std::vector<uint8_t>& bytes, uint64_t count) {
  uint64_t done = 0;
  while (done < count) {
    const std::size_t step = std::min(count - done, kStep), before = bytes.size();
    bytes.resize(before + step);
    const std::size_t got = source.read(bytes.data() + before, step);
    bytes.resize(before + got);
    done += got;
    if (got < step) break;
  }
  return done;
}

void read_header(ByteSource& source, IdxArray& array, int dimensions) {
  const std::string where = source.file().string();
  array.header = 4 + 4 * static_cast<std::size_t>(dimensions);
  const uint32_t wanted = uint32_t{kUnsignedByte} << 8 | static_cast<uint32_t>(dimensions);
  const uint64_t got = append(source, array.file, array.header);
  if (got >= 4 && big_endian(array.file.data()) != wanted)
    throw DataError(where, magic_text(big_endian(array.file.data())),
                    magic_text(wanted) + " (IDX, unsigned bytes, " + std::to_string(dimensions) + " dimensions)");
  if (got < array.header)
    throw DataError(where, std::to_string(got) + " bytes", "an IDX header of " + std::to_string(array.header));
}

/// Product of the lengths; refuses one that does not fit in what the file can hold.
uint64_t elements_promised(const ByteSource& source, IdxArray& array) {
  uint64_t count = 1;
  std::string lengths;
  const uint64_t most = source.most_bytes();
  for (std::size_t at = 4; at < array.header; at += 4) {
    const uint32_t length = big_endian(array.file.data() + at);
    array.shape.push_back(length);
    lengths += (lengths.empty() ? "" : " x ") + std::to_string(length);
    if (length != 0 && count > most / length) count = most + 1;  // stays too large, whatever follows
    else count *= length;
  }
  if (std::count(array.shape.begin(), array.shape.end(), 0) > 0)
    throw DataError(source.file().string(), "lengths " + lengths, "lengths of at least 1");
  if (count > most)
    throw DataError(source.file().string(), "lengths " + lengths + " in a file of " +
                    std::to_string(source.stored_size()) + " bytes", "lengths that fit the file's size");
  return count;
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& file, int dimensions) {
  ByteSource source(file);
  IdxArray array;
  read_header(source, array, dimensions);
  const uint64_t promised = elements_promised(source, array);
  array.file.reserve(array.header + std::min(promised, kStep));
  const uint64_t got = append(source, array.file, promised);
  const std::string wanted = std::to_string(promised) + " elements, as its header says";
  if (got < promised) throw DataError(file.string(), std::to_string(got) + " elements", wanted);
  uint8_t extra;
  if (source.read(&extra, 1) == 1) throw DataError(file.string(), "bytes behind the last element", wanted);
  return array;
}

}  // namespace backobs
