// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace backobs {

/// What the head of a variable says, before its data.
struct MatVariable {
  enum Class : uint32_t { kDouble = 6, kUnsignedByte = 9 };         ///< of the array
  enum Stored : uint32_t { kStoredBytes = 2, kStoredDoubles = 9 };  ///< of its elements in the file
  std::string name;
  uint32_t array_class = 0, stored = 0;
  std::vector<uint64_t> shape;
  uint64_t count = 0;  ///< product of the shape
};

/// The variables of a MAT-file of version 5, little-endian, with every size compared with the file's: real arrays of
/// doubles or bytes with at most four dimensions and short names, compressed or not; nothing else may be in the file.
/// A compressed variable is unpacked no further than its head; it can promise only what a stream of its length can hold.
///
/// libmatio believes the sizes it reads and allocates what they say, and it opens version 4 and HDF5 as well. Only a
/// file whose outline was found right is given to it.
/// Throws DataError naming the file.
std::vector<MatVariable> mat_outline(const std::filesystem::path& file);

}  // namespace backobs
