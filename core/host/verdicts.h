// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include "files/checked_files.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace backobs {

/// What a first look at a plugin file found.
struct Verdict {
  enum class Kind {
    sound,        ///< loads, and has an entry and a schema
    refused,      ///< gave an error: a missing symbol or library, an exception
    quarantined,  ///< ended or stopped the process that looked, or wrote to stdout: is not loaded again
  };
  Kind kind = Kind::sound;
  std::string reason;  ///< one line; empty if sound
};

/// Verdicts on plugin files, kept from one start of the program to the next in one small file. A verdict is of one state
/// of a plugin file (path, inode, size, times of modification and change) and of one build of the host; for any other
/// there is none. A file of verdicts that is missing, unreadable, damaged or cannot be written costs another look at the
/// plugins, nothing else.
class BACKOBS_API Verdicts {
 public:
  /// `host` names the build of the host: one word.
  Verdicts(std::filesystem::path file, std::string host);
  /// Those of this program and user.
  static Verdicts of_user();

  std::optional<Verdict> find(const FileIdentity& plugin) const;
  void remember(const FileIdentity& plugin, Verdict verdict);
  /// Drops the verdicts on files for which `chosen` answers true; how many they were.
  std::size_t forget(const std::function<bool(const std::filesystem::path&, const Verdict&)>& chosen);
  /// Writes what has changed, beside what other processes have written meanwhile. Verdicts on files that are gone are
  /// left out. False if it could not be written.
  bool save() noexcept;

 private:
  struct Entry {
    std::string state;  ///< host and identity
    Verdict verdict;
  };
  using Entries = std::map<std::string, Entry>;  ///< by path
  static Entries read(const std::filesystem::path& file);
  std::string state_of(const FileIdentity& plugin) const;

  std::filesystem::path file_;
  std::string host_;
  Entries entries_;
  std::map<std::string, std::optional<Entry>> changes_;  ///< since the file was read; empty: forgotten
};

}  // namespace backobs
