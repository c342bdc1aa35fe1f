// SPDX-License-Identifier: MIT
#include <backobs/error.h>

#include "files/idx.h"
#include "fuzz_file.h"

using namespace backobs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, std::size_t size) {
  try {
    const auto array = read_idx(testing::fuzz_file(bytes, size), 1 + static_cast<int>(size % 3));
    int64_t elements = 1;
    for (const int64_t length : array.shape) elements *= length;
    testing::require(array.count() == static_cast<std::size_t>(elements));
  } catch (const DataError&) {
  }
  return 0;
}
