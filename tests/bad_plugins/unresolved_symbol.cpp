// SPDX-License-Identifier: MIT
// Calls a function that no library has.
#include "idle_extension.h"

extern "C" void backobs_nobody_defines_this();

namespace backobs {

struct Unresolved : IdleExtension {
  explicit Unresolved(const Options& options) : IdleExtension(options) { backobs_nobody_defines_this(); }
};

}  // namespace backobs

BACKOBS_EXTENSION(backobs::Unresolved, "With an unresolved symbol", "")
