// SPDX-License-Identifier: MIT
// Declares an option whose default its own range forbids.
#include "idle_extension.h"

namespace backobs {

struct BadDefault : IdleExtension {
  using IdleExtension::IdleExtension;
  static Schema schema() { return {Option::integer("draws", 0, "how many").at_least(1)}; }
};

}  // namespace backobs

BACKOBS_EXTENSION(backobs::BadDefault, "With a default out of range", "")
