// SPDX-License-Identifier: MIT
// Needs a library that the loader does not find.
#include "../idle_extension.h"

extern "C" int backobs_absent();

namespace backobs {

struct LacksALibrary : IdleExtension {
  explicit LacksALibrary(const Options& options) : IdleExtension(options) { backobs_absent(); }
};

}  // namespace backobs

BACKOBS_EXTENSION(backobs::LacksALibrary, "Needs an absent library", "")
