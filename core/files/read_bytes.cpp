// SPDX-License-Identifier: MIT
#include "files/read_bytes.h"

#include <backobs/error.h>

#include "files/byte_source.h"

#include <algorithm>
#include <string>

namespace backobs {

namespace {

constexpr uint64_t kStep = uint64_t{64} << 20;

}  // namespace

std::vector<uint8_t> read_bytes(const std::filesystem::path& file, uint64_t most) {
  ByteSource source(file);
  std::vector<uint8_t> bytes;
  while (bytes.size() < most) {
    const std::size_t before = bytes.size(), step = std::min(most - before, kStep);
    bytes.resize(before + step);
    const std::size_t got = source.read(bytes.data() + before, step);
    bytes.resize(before + got);
    if (got < step) return bytes;
  }
  uint8_t extra;
  if (source.read(&extra, 1) == 1)
    throw DataError(file.string(), "more than " + std::to_string(most) + " bytes of content",
                    "at most " + std::to_string(most));
  return bytes;
}

}  // namespace backobs
