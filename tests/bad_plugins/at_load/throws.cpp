// SPDX-License-Identifier: MIT
// Throws from a static constructor, which nobody can catch.
#include "../idle_extension.h"

#include <stdexcept>

namespace {
const int at_load = []() -> int {
  throw std::runtime_error("too early");
}();
}  // namespace

BACKOBS_EXTENSION(backobs::IdleExtension, "Throws at once", "")
