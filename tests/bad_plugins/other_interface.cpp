// SPDX-License-Identifier: MIT
// Says it was built against another version of the plugin interface.
#include "idle_extension.h"

#undef BACKOBS_INTERFACE_extension
#define BACKOBS_INTERFACE_extension 999

BACKOBS_EXTENSION(backobs::IdleExtension, "Of another interface", "")
