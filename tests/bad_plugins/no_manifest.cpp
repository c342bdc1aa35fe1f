// SPDX-License-Identifier: MIT
// A shared library with the right function but nothing that says what it is.
#include <backobs/plugin.h>

extern "C" BACKOBS_API const backobs::PluginEntry* backobs_plugin() { return nullptr; }
