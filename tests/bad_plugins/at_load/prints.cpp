// SPDX-License-Identifier: MIT
// Writes to stdout, where results go, when it is loaded.
#include "../idle_extension.h"

#include <cstdio>

namespace {
const int at_load = [] {
  std::printf("hello\n");
  return 0;
}();
}  // namespace

BACKOBS_EXTENSION(backobs::IdleExtension, "Prints at once", "")
