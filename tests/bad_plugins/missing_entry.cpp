// SPDX-License-Identifier: MIT
// A manifest, but no exported function.
#include <backobs/plugin.h>

BACKOBS_MANIFEST(extension, "Without an entry", "")
