// SPDX-License-Identifier: MIT
// Says it is a problem, but makes extensions.
#include "idle_extension.h"

BACKOBS_PLUGIN_("problem", make_extension, Extension, backobs::IdleExtension, "An extension in disguise", "")
