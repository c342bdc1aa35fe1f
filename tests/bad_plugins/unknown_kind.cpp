// SPDX-License-Identifier: MIT
// Of a kind that nobody has heard of.
#include <backobs/plugin.h>

BACKOBS_MANIFEST("optimiser", "Of an unknown kind", "")
