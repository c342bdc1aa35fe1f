// SPDX-License-Identifier: MIT
#include "files/user_folders.h"

#include <cstdlib>

namespace backobs {

namespace {

std::filesystem::path absolute_from(const char* variable) {
  const char* value = std::getenv(variable);
  const std::filesystem::path path = value != nullptr ? value : "";
  return path.is_absolute() ? path : std::filesystem::path();
}

std::filesystem::path base(const char* variable, const char* below_home) {
  const auto named = absolute_from(variable);
  if (!named.empty()) return named / "backobs";
  const auto home = absolute_from("HOME");
  return home.empty() ? home : home / below_home / "backobs";
}

}  // namespace

std::filesystem::path user_data_folder() { return base("XDG_DATA_HOME", ".local/share"); }
std::filesystem::path user_cache_folder() { return base("XDG_CACHE_HOME", ".cache"); }

}  // namespace backobs
