// SPDX-License-Identifier: MIT
#include "data/locate.h"

#include <backobs/error.h>

#include "files/user_folders.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace backobs {

namespace {

namespace fs = std::filesystem;

fs::path root_from_environment() {
  const char* value = std::getenv("BACKOBS_DATA");
  return value != nullptr ? value : "";
}

void add_below(std::vector<fs::path>& folders, const fs::path& root, const DataSet& set) {
  if (root.empty()) return;
  for (const auto& folder : set.folders) folders.push_back(root / folder);
}

/// A folder is no file: `train` of another set may be one.
fs::path stored_file(const fs::path& folder, const Layout& layout, const DataFile& file) {
  std::error_code ignored;
  for (const auto& place : {folder / layout.folder, folder})
    for (const auto& name : {file.name, file.name + ".gz"}) {
      // MAT-files are compressed inside, and libmatio reads them where they lie.
      if (name != file.name && layout.format == FileFormat::svhn_mat) continue;
      if (fs::exists(place / name, ignored) && !fs::is_directory(place / name, ignored)) return place / name;
    }
  return {};
}

std::ptrdiff_t missing_in(const LocatedSet& located) {
  return std::count(located.files.begin(), located.files.end(), fs::path());
}

std::string listed(const std::vector<fs::path>& folders) {
  std::string text;
  for (const auto& folder : folders) text += (text.empty() ? "" : ", ") + folder.string();
  return text;
}

}  // namespace

bool LocatedSet::is_complete() const { return missing_in(*this) == 0; }
bool LocatedSet::is_empty() const { return missing_in(*this) == static_cast<std::ptrdiff_t>(files.size()); }

LocatedSet files_in(const fs::path& folder, const DataSet& set, std::size_t layout) {
  const Layout& wanted = set.layouts[layout];
  LocatedSet located{folder, layout, {}, false};
  for (const auto& file : wanted.files) located.files.push_back(stored_file(folder, wanted, file));
  const auto archive = folder / wanted.archive.name;
  std::error_code ignored;
  if (located.is_complete() || wanted.archive.name.empty() || !fs::is_regular_file(archive, ignored)) return located;
  return {folder, layout, std::vector<fs::path>(wanted.files.size(), archive), true};
}

LocatedSet files_in(const fs::path& folder, const DataSet& set) {
  LocatedSet best;
  for (std::size_t i = 0; i < set.layouts.size(); ++i) {
    const LocatedSet located = files_in(folder, set, i);
    if (located.is_complete()) return located;
    if (i == 0 || missing_in(located) < missing_in(best)) best = located;
  }
  return best;
}

std::vector<fs::path> search_folders(const DataSet& set, const fs::path& root) {
  std::vector<fs::path> folders;
  for (const auto& named : {root, root_from_environment()}) {
    add_below(folders, named, set);
    if (!named.empty()) folders.push_back(named);  // the files themselves
    if (!root.empty()) return folders;
  }
  folders.push_back(fs::path("data") / set.name);
  add_below(folders, user_data_folder(), set);
  if (!set.debian_folder.empty()) folders.push_back(set.debian_folder);
  return folders;
}

std::optional<LocatedSet> locate(const DataSet& set, const fs::path& root) {
  for (const auto& folder : search_folders(set, root)) {
    auto located = files_in(folder, set);
    if (!located.is_empty()) return located;
  }
  return std::nullopt;
}

fs::path fetch_folder(const DataSet& set, const fs::path& root) {
  const auto located = locate(set, root);
  if (located && located->folder != set.debian_folder) return located->folder;
  const auto named = root.empty() ? root_from_environment() : root;
  const auto base = named.empty() ? user_data_folder() : named;
  if (base.empty())
    throw DataError("data set `" + set.name + "`", "no home folder to put it in", "--data-dir DIR or BACKOBS_DATA");
  return base / set.name;
}

std::string how_to_get(const DataSet& set) {
  const std::string fetch = "`backobs data fetch " + set.name + "`";
  return set.debian_package.empty() ? fetch : fetch + ", or `apt install " + set.debian_package + "`";
}

LocatedSet require_files(const DataSet& set, const fs::path& root) {
  const auto located = locate(set, root);
  const std::string where = "data set `" + set.name + "`", wanted = set.title + ", which you get by " + how_to_get(set);
  if (!located) throw DataError(where, "no file of it in " + listed(search_folders(set, root)), wanted);
  for (std::size_t i = 0; i < located->files.size(); ++i)
    if (located->files[i].empty())
      throw DataError(where, "no " + set.layouts[located->layout].files[i].name + " (or .gz) beside its other files in " +
                      located->folder.string(), wanted);
  return *located;
}

}  // namespace backobs
