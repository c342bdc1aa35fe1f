// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include "data/data_sets.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace backobs {

/// A set's files in one folder.
struct LocatedSet {
  std::filesystem::path folder;
  std::vector<std::filesystem::path> files;  ///< in the order of DataSet::files; empty where one is missing

  BACKOBS_API bool is_complete() const;
};

/// Where the set is looked for, in order. A data root the user named (--data-dir) is the only one then; otherwise
/// $BACKOBS_DATA, ./data, the user's data folder, and the folder of the set's Debian package.
BACKOBS_API std::vector<std::filesystem::path> search_folders(const DataSet& set, const std::filesystem::path& root);
/// The set's files in this folder, plain or ".gz"; plain wins where both are there.
BACKOBS_API LocatedSet files_in(const std::filesystem::path& folder, const DataSet& set);
/// The first of those folders that holds any file of the set.
BACKOBS_API std::optional<LocatedSet> locate(const DataSet& set, const std::filesystem::path& root);
/// The folder `backobs data fetch` fills: the one that already holds some of the files, as it would be found first
/// again (but never the Debian package's); else below the root, $BACKOBS_DATA or the user's data folder.
BACKOBS_API std::filesystem::path fetch_folder(const DataSet& set, const std::filesystem::path& root);
/// The commands that get the set: "`backobs data fetch mnist`".
BACKOBS_API std::string how_to_get(const DataSet& set);
/// The located set with all its files, or the DataError that says what is missing and how to get it.
BACKOBS_API LocatedSet require_files(const DataSet& set, const std::filesystem::path& root);

/// What is wrong with a file that should be `wanted`; empty if its content has the right checksum.
BACKOBS_API std::string content_problem(const DataFile& wanted, const std::filesystem::path& file);

}  // namespace backobs
