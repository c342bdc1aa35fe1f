// SPDX-License-Identifier: MIT
// Is killed by a segmentation fault when it is loaded.
#include "../idle_extension.h"

#include <csignal>

namespace {
const int at_load = [] {
  std::raise(SIGSEGV);
  return 0;
}();
}  // namespace

BACKOBS_EXTENSION(backobs::IdleExtension, "Crashes at once", "")
