// SPDX-License-Identifier: MIT
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace backobs::testing {

/// A file in memory with these bytes, for readers that want a path.
inline std::filesystem::path fuzz_file(const uint8_t* bytes, std::size_t size) {
  static const int descriptor = memfd_create("backobs-fuzz", 0);
  if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, bytes, size, 0) != static_cast<ssize_t>(size)) std::abort();
  return "/proc/self/fd/" + std::to_string(descriptor);
}

/// A reader that returns must return what it promised.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace backobs::testing
