// SPDX-License-Identifier: MIT
// Says it is a problem, but makes extensions.
#include "idle_extension.h"

BACKOBS_PLUGIN_(problem, "An extension in disguise", "", BACKOBS_OBJECT_(make_extension, Extension, backobs::IdleExtension))
