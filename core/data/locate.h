// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include "data/data_sets.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace backobs {

/// A set's files in one folder, in one of its layouts.
struct LocatedSet {
  std::filesystem::path folder;
  std::size_t layout = 0;                    ///< which of DataSet::layouts
  std::vector<std::filesystem::path> files;  ///< in the order of Layout::files; empty where one is missing
  bool in_archive = false;                   ///< then all of them are the archive's path

  BACKOBS_API bool is_complete() const;
  BACKOBS_API bool is_empty() const;
};

/// Where the set is looked for, in order. A data root the user named (--data-dir) is the only one then; otherwise
/// $BACKOBS_DATA, ./data, the user's data folder, and the folder of the set's Debian package.
BACKOBS_API std::vector<std::filesystem::path> search_folders(const DataSet& set, const std::filesystem::path& root);
/// The set's files in this folder, plain, ".gz" or in the archive they are distributed in; plain wins, the archive comes
/// last. Of several layouts the first complete one, else the one with most files. An archive is not opened to see what
/// it holds.
BACKOBS_API LocatedSet files_in(const std::filesystem::path& folder, const DataSet& set);
/// The same for one layout.
BACKOBS_API LocatedSet files_in(const std::filesystem::path& folder, const DataSet& set, std::size_t layout);
/// The first of those folders that holds any file of the set.
BACKOBS_API std::optional<LocatedSet> locate(const DataSet& set, const std::filesystem::path& root);
/// The folder `backobs data fetch` fills: the one that already holds some of the files, as it would be found first
/// again (but never the Debian package's); else below the root, $BACKOBS_DATA or the user's data folder.
BACKOBS_API std::filesystem::path fetch_folder(const DataSet& set, const std::filesystem::path& root);
/// The commands that get the set: "`backobs data fetch mnist`".
BACKOBS_API std::string how_to_get(const DataSet& set);
/// The located set with all its files, or the DataError that says what is missing and how to get it.
BACKOBS_API LocatedSet require_files(const DataSet& set, const std::filesystem::path& root);

}  // namespace backobs
