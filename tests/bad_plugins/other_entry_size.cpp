// SPDX-License-Identifier: MIT
// An entry of another layout.
#include <backobs/plugin.h>

BACKOBS_MANIFEST(extension, "With an entry of another size", "")
extern "C" BACKOBS_API const backobs::PluginEntry* backobs_plugin() {
  static backobs::PluginEntry entry;
  entry.size = 8;
  return &entry;
}
