// SPDX-License-Identifier: MIT
// Never comes back from being loaded.
#include "../idle_extension.h"

#include <unistd.h>

namespace {
const int at_load = [] {
  while (true) ::pause();
  return 0;
}();
}  // namespace

BACKOBS_EXTENSION(backobs::IdleExtension, "Hangs at once", "")
