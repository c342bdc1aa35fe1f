// SPDX-License-Identifier: MIT
// Aborts when it is loaded.
#include "../idle_extension.h"

#include <cstdlib>

namespace {
const int at_load = [] {
  std::abort();
  return 0;
}();
}  // namespace

BACKOBS_EXTENSION(backobs::IdleExtension, "Aborts at once", "")
