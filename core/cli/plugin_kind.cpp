// SPDX-License-Identifier: MIT
#include "cli/plugin_kind.h"

#include <backobs/error.h>

namespace backobs {

const std::vector<std::string>& plugin_kinds() {
  static const std::vector<std::string> kinds = {"problem", "extension", "runner", "layer"};
  return kinds;
}

std::string plugin_kind(const std::string& text, const std::string& where) {
  std::vector<std::string> spellings;
  for (const auto& kind : plugin_kinds()) {
    if (text == kind || text == kind + "s") return kind;
    spellings.push_back(kind);
    spellings.push_back(kind + "s");
  }
  throw UsageError(where, "kind `" + text + "`", "problem, extension, runner or layer", nearest_name(text, spellings));
}

}  // namespace backobs
