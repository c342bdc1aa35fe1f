// SPDX-License-Identifier: MIT
#include <backobs/error.h>

#include "files/cifar_pickle.h"
#include "fuzz_file.h"

using namespace backobs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, std::size_t size) {
  try {
    const auto images = read_cifar_pickle("input", {bytes, bytes + size}, 1, "labels", 10);
    testing::require(images.labels.size() == 1 && images.pixels.size() == kColourPixels && images.labels[0] < 10);
  } catch (const DataError&) {
  }
  return 0;
}
