// SPDX-License-Identifier: MIT
#include <backobs/error.h>

#include "files/cifar_strips.h"
#include "fuzz_file.h"

using namespace backobs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, std::size_t size) {
  try {
    testing::require(read_label_list("input", {bytes, bytes + size}, 3, 10).size() == 3);
  } catch (const DataError&) {
  }
  return 0;
}
