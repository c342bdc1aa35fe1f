// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace backobs {

struct ChildEnd {
  int exit_code = 0;  ///< where it exited
  int signal = 0;     ///< where a signal ended it; 0 otherwise

  /// "exit code 3", "signal 11 (Segmentation fault)".
  BACKOBS_API std::string text() const;
};

/// This same program, started anew with `arguments` (the verb first), its stdout and stderr joined and read here.
/// `descriptors` stay open in it under their numbers. A fresh process, not a fork: OpenMP does not survive one.
class BACKOBS_API ChildProcess {
 public:
  /// Throws ComputeError with the system's reason if it cannot be started.
  ChildProcess(const std::vector<std::string>& arguments, const std::vector<int>& descriptors);
  /// Kills it if it has not ended.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Becomes readable when it writes and when it ends.
  int output() const { return output_; }
  /// Whole lines it has written since the last call, without line ends; after its end also one without an end.
  std::vector<std::string> lines();
  /// How it ended; empty while it lasts.
  std::optional<ChildEnd> end();
  void send(int signal) const;

 private:
  pid_t process_ = -1;
  int output_ = -1;
  std::string unfinished_;  ///< a line without its end
  std::optional<ChildEnd> end_;
};

/// In the child: end when the parent, process `parent`, ends, however it does; at once if it has ended already.
BACKOBS_API void die_with_parent(pid_t parent);

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
