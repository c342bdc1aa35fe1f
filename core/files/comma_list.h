// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace backobs {

/// "a, b, c", as messages and tables list names.
inline std::string comma_list(const std::vector<std::string>& names, const char* separator = ", ") {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : separator) + name;
  return text;
}

}  // namespace backobs
