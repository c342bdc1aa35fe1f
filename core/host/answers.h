// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/error.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

/// How another process of this program answers its parent while it runs code that is not trusted yet.
namespace backobs {

/// The private pipe that answers come through, one line each.
class AnswerPipe {
 public:
  AnswerPipe() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) throw ComputeError("a pipe to another process", std::strerror(errno));
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~AnswerPipe() {
    ::close(ends_[0]);
    close_write_end();
  }
  AnswerPipe(const AnswerPipe&) = delete;
  AnswerPipe& operator=(const AnswerPipe&) = delete;

  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  /// In the parent, once the child has it: then the pipe ends with the child.
  void close_write_end() {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }
  /// Whole lines that have arrived.
  std::vector<std::string> lines() {
    char piece[4096];
    for (ssize_t count; (count = ::read(ends_[0], piece, sizeof piece)) > 0;)
      text_.append(piece, static_cast<std::size_t>(count));
    std::vector<std::string> whole;
    for (std::size_t at; (at = text_.find('\n')) != std::string::npos; text_.erase(0, at + 1))
      whole.push_back(text_.substr(0, at));
    return whole;
  }

 private:
  int ends_[2] = {-1, -1};
  std::string text_;
};

/// In the child: one line into the pipe. A parent that does not listen any more ends it.
inline void answer(int pipe, std::string line) {
  for (char& c : line)
    if (c == '\n') c = ' ';
  line += '\n';
  if (::write(pipe, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(1);
}

/// In the child: stdout, from now on, is memory that can be asked for how much was written; stderr goes nowhere.
class WatchedStdout {
 public:
  WatchedStdout() : memory_(::memfd_create("backobs-stdout", MFD_CLOEXEC)) {
    ::dup2(memory_, STDOUT_FILENO);
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
  }
  WatchedStdout(const WatchedStdout&) = delete;
  WatchedStdout& operator=(const WatchedStdout&) = delete;

  /// Bytes since the last call.
  int64_t written() {
    std::cout.flush();
    std::fflush(stdout);
    struct stat facts {};
    if (::fstat(memory_, &facts) != 0) return 0;
    return static_cast<int64_t>(facts.st_size) - std::exchange(seen_, static_cast<int64_t>(facts.st_size));
  }

 private:
  int memory_;
  int64_t seen_ = 0;
};

}  // namespace backobs
