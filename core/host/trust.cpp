// SPDX-License-Identifier: MIT
#include "host/trust.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace backobs {
namespace {

bool all_are_trusted() {
  const char* text = std::getenv("BACKOBS_TRUST_ALL_PLUGINS");
  return text && std::string(text) == "1";
}

}  // namespace

std::optional<std::string> distrust(const std::filesystem::path& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) return std::string("cannot be examined: ") + std::strerror(errno);
  if (all_are_trusted()) return std::nullopt;
  if (facts.st_uid != 0 && facts.st_uid != geteuid())
    return "owner: found user " + std::to_string(facts.st_uid) + ", wanted root or user " + std::to_string(geteuid());
  if (facts.st_mode & S_IWOTH) return std::string("permissions: found writable by everybody, wanted by its owner only");
  return std::nullopt;
}

}  // namespace backobs
