// SPDX-License-Identifier: MIT
// Nothing is wrong with this one.
#include "idle_extension.h"

namespace backobs {

class Sound : public IdleExtension {
 public:
  using IdleExtension::IdleExtension;
  static Schema schema() { return {Option::integer("level", 3, "how loud").at_least(1)}; }
};

}  // namespace backobs

BACKOBS_EXTENSION(backobs::Sound, "Computes nothing, soundly", "SoundAlias,SecondAlias")
