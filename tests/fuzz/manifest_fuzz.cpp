// SPDX-License-Identifier: MIT
// Plugin files are the first thing read of a stranger: whatever their bytes, a manifest or a PluginError. The file is called
// after its descriptor, so that the last check, of the name, refuses even sound ones.
#include <backobs/error.h>

#include "files/manifest.h"
#include "fuzz_file.h"

using namespace backobs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, std::size_t size) {
  try {
    const auto manifest = read_manifest(testing::fuzz_file(bytes, size));
    testing::require(!manifest.name.empty());
    mismatches(manifest);
  } catch (const PluginError&) {
  }
  return 0;
}
