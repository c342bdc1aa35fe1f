// SPDX-License-Identifier: MIT
#include "campaign/deepobs_file.h"

#include "campaign/deepobs_json.h"
#include "campaign/safe_file.h"

#include <backobs/error.h>

#include <fstream>
#include <iterator>
#include <optional>

namespace backobs {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// The name that `file` has in `folder` as well.
std::optional<fs::path> other_name(const fs::path& file, const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return std::nullopt;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (fs::equivalent(entry.path(), file, ignored)) return entry.path();
  return std::nullopt;
}

/// False if the name is taken.
bool add_name(const fs::path& file, const fs::path& name) {
  std::error_code error;
  fs::create_hard_link(file, name, error);
  if (!error) return true;
  if (error == std::errc::file_exists) return false;
  if (fs::exists(name)) return false;
  write_file(name, text_of(file));
  return true;
}

}  // namespace

fs::path write_deepobs_file(const fs::path& run_folder, const fs::path& tree, const RunSettings& settings,
                            const std::string& optimizer, std::time_t start, const std::string& text) {
  const fs::path file = run_folder / "deepobs.json";
  const fs::path first = deepobs_path(settings, optimizer, start), folder = tree / first.parent_path();
  make_folder(folder);
  const auto before = other_name(file, folder);
  if (before && text_of(file) == text) return first.parent_path() / before->filename();
  std::error_code ignored;
  if (before) fs::remove(*before, ignored);  // of an earlier attempt that came to other numbers
  write_file(file, text);
  for (std::time_t time = start;; ++time) {
    const fs::path name = deepobs_path(settings, optimizer, time);
    if (!add_name(file, tree / name)) continue;
    sync_folder(folder);
    return name;
  }
}

}  // namespace backobs
