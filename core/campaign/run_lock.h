// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <filesystem>
#include <optional>

namespace backobs {

/// The right to work on a run: a lock on the file `lock` of its folder, held by an open descriptor. It goes with the
/// last process that has the descriptor, however that ends; a parent hands it to the run's process, which keeps it while
/// it lives. Works between hosts where the file system passes flock on, as NFS does.
class BACKOBS_API RunLock {
 public:
  /// Empty while somebody else holds it. Makes the folder.
  static std::optional<RunLock> try_take(const std::filesystem::path& run_folder);
  /// Whether somebody holds it now.
  static bool is_held(const std::filesystem::path& run_folder);

  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&&) = delete;
  /// Removes the file while it still is the lock's.
  ~RunLock();

  int descriptor() const { return descriptor_; }

 private:
  RunLock(std::filesystem::path file, int descriptor);
  std::filesystem::path file_;
  int descriptor_;
};

}  // namespace backobs
