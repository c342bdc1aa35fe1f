// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <string>
#include <vector>

namespace backobs {

struct ChildEnd {
  int exit_code = 0;  ///< where it exited
  int signal = 0;     ///< where a signal ended it; 0 otherwise

  /// "exit code 3", "signal 11 (Segmentation fault)".
  BACKOBS_API std::string text() const;
};

/// Starts this same program anew with `arguments` (the verb first), its stdout joined to stderr, and waits for its end.
/// `descriptors` stay open in it under their numbers. A fresh process, not a fork: OpenMP does not survive one.
BACKOBS_API ChildEnd run_child(const std::vector<std::string>& arguments, const std::vector<int>& descriptors);

/// In the child: end when the parent ends, however it does.
BACKOBS_API void die_with_parent();

/// A file without a name, holding `text`; the descriptor closes on exec unless handed to run_child. Another process
/// that has it reads it as /proc/self/fd/<number>.
class BACKOBS_API NamelessFile {
 public:
  explicit NamelessFile(const std::string& text);
  ~NamelessFile();
  NamelessFile(const NamelessFile&) = delete;
  NamelessFile& operator=(const NamelessFile&) = delete;

  int descriptor() const { return descriptor_; }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_ = -1;
};

}  // namespace backobs
