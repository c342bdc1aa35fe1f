// SPDX-License-Identifier: MIT
#include <backobs/error.h>

#include "files/archive.h"
#include "fuzz_file.h"

using namespace backobs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, std::size_t size) {
  const WantedMembers wanted = {{"folder/a", 100}, {"b", 2000}};
  try {
    read_archive(testing::fuzz_file(bytes, size), wanted, [&](const std::string& name, std::vector<uint8_t> content) {
      testing::require(content.size() <= wanted.at(name));
    });
  } catch (const DataError&) {
  }
  return 0;
}
