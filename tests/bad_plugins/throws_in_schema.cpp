// SPDX-License-Identifier: MIT
// Throws something odd when asked for its options.
#include "idle_extension.h"

namespace backobs {

struct ThrowsInSchema : IdleExtension {
  using IdleExtension::IdleExtension;
  static Schema schema() { throw 7; }
};

}  // namespace backobs

BACKOBS_EXTENSION(backobs::ThrowsInSchema, "Throws when asked for options", "")
