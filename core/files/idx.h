// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace backobs {

/// An array of unsigned bytes as an IDX file stores it. All numbers big-endian: two zero bytes, the element type
/// (8 for bytes), the number of dimensions, one 32-bit length per dimension, then the elements, last dimension
/// fastest. The format of MNIST and Fashion-MNIST.
struct IdxArray {
  std::vector<int64_t> shape;
  std::vector<uint8_t> file;  ///< the whole file, unpacked, header included, as checksums want it
  std::size_t header = 0;     ///< where the elements begin

  const uint8_t* elements() const { return file.data() + header; }
  std::size_t count() const { return file.size() - header; }
};

/// Reads an IDX file of bytes with that many dimensions, plain or gzip. The header alone decides how much is unpacked,
/// and it is believed only as far as the file's size allows, so a small file never makes a large array.
/// Throws DataError naming file, found and wanted: wrong magic, element type or number of dimensions, lengths whose
/// product is too large for the file, too few or too many bytes, a broken gzip stream.
BACKOBS_API IdxArray read_idx(const std::filesystem::path& file, int dimensions);

}  // namespace backobs
