// SPDX-License-Identifier: MIT
#include <backobs/error.h>

#include "files/cifar_binary.h"
#include "fuzz_file.h"

using namespace backobs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, std::size_t size) {
  try {
    const uint64_t rows = size / 3000;
    const auto images = read_cifar_binary("input", {bytes, bytes + size}, rows, 1 + size % 2, 100);
    testing::require(images.labels.size() == rows && images.pixels.size() == rows * kColourPixels);
  } catch (const DataError&) {
  }
  return 0;
}
