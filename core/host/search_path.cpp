// SPDX-License-Identifier: MIT
#include "host/registry.h"

#include <backobs/error.h>

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <system_error>

namespace backobs {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

fs::path running_program() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored);
}

/// Where libbackobs itself was loaded from.
fs::path own_library() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&plugin_search_path), &info) == 0 || !info.dli_fname) return {};
  std::error_code ignored;
  return fs::canonical(info.dli_fname, ignored);
}

/// A list of folders such as PATH: separated by colons.
std::vector<fs::path> from_environment(const char* name) {
  std::vector<fs::path> folders;
  const char* text = std::getenv(name);
  const std::string list = text ? text : "";
  for (std::size_t first = 0; first < list.size();) {
    const std::size_t colon = std::min(list.find(':', first), list.size());
    if (colon > first) folders.emplace_back(list.substr(first, colon - first));
    first = colon + 1;
  }
  return folders;
}

/// Appends a folder that exists and is not yet in the list under any name.
void append(std::vector<fs::path>& folders, const fs::path& folder) {
  if (folder.empty() || !is_folder(folder)) return;
  for (const auto& known : folders) {
    std::error_code ignored;
    if (fs::equivalent(known, folder, ignored)) return;
  }
  folders.push_back(fs::absolute(folder).lexically_normal());
}

}  // namespace

std::vector<fs::path> plugin_search_path(const std::vector<fs::path>& first) {
  std::vector<fs::path> folders;
  for (const auto& folder : first) {
    if (!is_folder(folder)) throw UsageError("--plugin-path", "`" + folder.string() + "`", "a folder that exists");
    append(folders, folder);
  }
  for (const auto& folder : from_environment("BACKOBS_PLUGIN_PATH")) append(folders, folder);
  append(folders, "plugins");
  append(folders, running_program().parent_path().parent_path() / "plugins");
  append(folders, own_library().parent_path() / "backobs" / "plugins");
  return folders;
}

}  // namespace backobs
