// SPDX-License-Identifier: MIT
#include "files/cifar_binary.h"

#include <backobs/error.h>

#include <algorithm>

namespace backobs {

LabelledImages read_cifar_binary(const std::string& where, const std::vector<uint8_t>& bytes, uint64_t rows,
                                 uint64_t label_bytes, int classes) {
  const uint64_t row = label_bytes + kColourPixels;
  if (bytes.size() % row != 0 || bytes.size() / row != rows)
    throw DataError(where, std::to_string(bytes.size()) + " bytes",
                    std::to_string(rows) + " rows of " + std::to_string(row) + " bytes");
  LabelledImages images{std::vector<uint8_t>(rows * kColourPixels), std::vector<uint8_t>(rows)};
  for (uint64_t n = 0; n < rows; ++n) {
    const uint8_t* pixels = bytes.data() + n * row + label_bytes;
    images.labels[n] = pixels[-1];
    std::copy_n(pixels, kColourPixels, images.pixels.data() + n * kColourPixels);
    if (images.labels[n] >= classes)
      throw DataError(where, "label " + std::to_string(images.labels[n]) + " in row " + std::to_string(n),
                      "labels 0 to " + std::to_string(classes - 1));
  }
  return images;
}

}  // namespace backobs
