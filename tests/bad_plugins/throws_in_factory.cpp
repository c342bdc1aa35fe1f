// SPDX-License-Identifier: MIT
// Throws when an instance is made.
#include "idle_extension.h"

#include <stdexcept>

namespace backobs {

struct ThrowsInFactory : IdleExtension {
  explicit ThrowsInFactory(const Options& options) : IdleExtension(options) {
    throw std::runtime_error("no memory of why");
  }
};

}  // namespace backobs

BACKOBS_EXTENSION(backobs::ThrowsInFactory, "Throws when it is made", "")
