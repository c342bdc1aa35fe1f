// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include "data/data_sets.h"
#include "data/locate.h"
#include "files/checked_files.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace backobs {

/// One file of a set: what it should be, and where it is.
struct FoundFile {
  const DataSet& set;
  const DataFile& wanted;
  const std::filesystem::path& file;

  /// DataError with the command that gets the set.
  [[noreturn]] void refuse(const std::string& found, const std::string& right) const;
  void require_checksum(const std::string& found) const;
  /// Computes and compares the checksum, unless this state of the file is known to have passed.
  void check(const FileIdentity& identity, const std::function<std::string()>& sum) const;
};
FoundFile found_file(const DataSet& set, const LocatedSet& located, std::size_t index);

/// Hands the unpacked content of every file of the located set to `take` with its place in Layout::files, each only after
/// its checksum was found right. Files come in any order: that of an archive where they lie in one.
void for_each_content(const DataSet& set, const LocatedSet& located,
                      const std::function<void(std::size_t index, const std::vector<uint8_t>& content)>& take);

/// What is wrong with each file of the located set, by reading it; empty where it is right, "missing" where it is not there.
BACKOBS_API std::vector<std::string> content_problems(const DataSet& set, const LocatedSet& located);

/// What is wrong with a file that should be `wanted`; empty if its content has the right checksum.
BACKOBS_API std::string content_problem(const DataFile& wanted, const std::filesystem::path& file);
/// The same for bytes in memory.
BACKOBS_API std::string content_problem(const DataFile& wanted, const std::vector<uint8_t>& content);

}  // namespace backobs
