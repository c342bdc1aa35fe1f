// SPDX-License-Identifier: MIT
// Throws when it is asked for its entry.
#include <backobs/plugin.h>

#include <stdexcept>

BACKOBS_MANIFEST(extension, "Throws at once", "")
extern "C" BACKOBS_API const backobs::PluginEntry* backobs_plugin() { throw std::runtime_error("not today"); }
