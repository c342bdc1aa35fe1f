// SPDX-License-Identifier: MIT
// Ends the program, without an error, when it is loaded.
#include "../idle_extension.h"

#include <cstdlib>

namespace {
const int at_load = [] {
  std::exit(0);
  return 0;
}();
}  // namespace

BACKOBS_EXTENSION(backobs::IdleExtension, "Exits at once", "")
