// SPDX-License-Identifier: MIT
// Calls itself otherwise than its file, and with path characters.
#include "idle_extension.h"

#undef BACKOBS_PLUGIN_NAME
#define BACKOBS_PLUGIN_NAME "../elsewhere"

BACKOBS_EXTENSION(backobs::IdleExtension, "Under a false name", "")
