// SPDX-License-Identifier: MIT
// Of a kind that nobody has heard of.
#include <backobs/plugin.h>

#define BACKOBS_INTERFACE_optimiser 1
BACKOBS_MANIFEST(optimiser, "Of an unknown kind", "")
