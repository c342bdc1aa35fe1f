// SPDX-License-Identifier: MIT
#include "cli/terminal.h"

#include "files/printable.h"

#include <unistd.h>

#include <cstdlib>

namespace backobs {

bool may_colour(std::FILE* stream) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return isatty(fileno(stream)) && !(no_colour && *no_colour) && term && std::string(term) != "dumb";
}

std::string Paint::wrap(const char* code, const std::string& text) const {
  const std::string safe = printable(text);
  return on_ ? "\033[" + std::string(code) + "m" + safe + "\033[0m" : safe;
}

}  // namespace backobs
