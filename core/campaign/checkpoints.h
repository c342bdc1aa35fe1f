// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/state.h>

#include <c10/core/Device.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace backobs {

/// A run's checkpoints: the files `checkpoint-0` and `checkpoint-1` of its folder, written in turn, so that one is whole
/// whatever happens while the other is written.
class BACKOBS_API Checkpoints {
 public:
  explicit Checkpoints(std::filesystem::path run_folder);

  /// The newest one that is whole; empty if there is none. A damaged one is told in the log and passed over.
  std::optional<State> newest(c10::Device device);
  /// Puts `state` in place of the older one: temporary name, sync, rename, sync of the folder.
  void write(const State& state);

  /// The files that exist.
  static std::vector<std::filesystem::path> files(const std::filesystem::path& run_folder);
  static void remove(const std::filesystem::path& run_folder);

 private:
  std::filesystem::path folder_;
  int64_t generation_ = 0;  ///< of the next one; even ones go to checkpoint-0
};

}  // namespace backobs
