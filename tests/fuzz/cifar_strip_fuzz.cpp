// SPDX-License-Identifier: MIT
#include <backobs/error.h>

#include "files/cifar_strips.h"
#include "files/labelled_images.h"
#include "fuzz_file.h"

using namespace backobs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, std::size_t size) {
  try {
    testing::require(read_cifar_strip("input", {bytes, bytes + size}, 2).size() == 2 * kColourPixels);
  } catch (const DataError&) {
  }
  return 0;
}
