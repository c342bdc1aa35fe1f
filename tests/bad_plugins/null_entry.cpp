// SPDX-License-Identifier: MIT
// An exported function that returns nothing.
#include <backobs/plugin.h>

BACKOBS_MANIFEST(extension, "With an empty entry", "")
extern "C" BACKOBS_API const backobs::PluginEntry* backobs_plugin() { return nullptr; }
