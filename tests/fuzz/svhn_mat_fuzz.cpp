// SPDX-License-Identifier: MIT
#include <backobs/error.h>

#include "files/svhn_mat.h"
#include "fuzz_file.h"

using namespace backobs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, std::size_t size) {
  try {
    const auto images = read_svhn_mat(testing::fuzz_file(bytes, size), 100);
    testing::require(images.pixels.size() == images.labels.size() * kColourPixels);
    for (const uint8_t label : images.labels) testing::require(label < 10);
  } catch (const DataError&) {
  }
  return 0;
}
