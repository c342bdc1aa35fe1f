// SPDX-License-Identifier: MIT
#include "host/child_process.h"

#include <backobs/error.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

extern char** environ;

namespace backobs {
namespace {

[[noreturn]] void fail(const std::string& what, int error) { throw ComputeError(what, std::strerror(error)); }

/// Closes itself; posix_spawn's own type has to be destroyed by hand.
struct FileActions {
  FileActions() { posix_spawn_file_actions_init(&actions); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions); }
  posix_spawn_file_actions_t actions;
};

/// This process's environment, with waiting threads told to sleep soon: on a busy machine threads that spin, libgomp's
/// habit, hold up the very work they wait for (measured: ten times slower at a load of 6 on 2 cores). A user's own
/// choice stands.
std::vector<char*> child_environment() {
  static char spin_count[] = "GOMP_SPINCOUNT=1000";
  std::vector<char*> all;
  for (char** variable = environ; *variable; ++variable) all.push_back(*variable);
  if (!std::getenv("GOMP_SPINCOUNT") && !std::getenv("OMP_WAIT_POLICY")) all.push_back(spin_count);
  all.push_back(nullptr);
  return all;
}

}  // namespace

std::string ChildEnd::text() const {
  if (signal) return "signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  return "exit code " + std::to_string(exit_code);
}

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const std::vector<int>& descriptors) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("a pipe to another process", errno);
  output_ = ends[0];
  ::fcntl(output_, F_SETFL, O_NONBLOCK);
  FileActions files;
  posix_spawn_file_actions_adddup2(&files.actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files.actions, ends[1], STDERR_FILENO);
  // A descriptor duplicated onto itself loses its close-on-exec flag.
  for (const int descriptor : descriptors) posix_spawn_file_actions_adddup2(&files.actions, descriptor, descriptor);
  std::string program = "backobs";
  std::vector<std::string> texts = arguments;
  std::vector<char*> pointers = {program.data()};
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  std::vector<char*> variables = child_environment();
  const int error = ::posix_spawn(&process_, "/proc/self/exe", &files.actions, nullptr, pointers.data(), variables.data());
  ::close(ends[1]);
  if (!error) return;
  ::close(output_);
  fail("starting another process", error);
}

ChildProcess::~ChildProcess() {
  if (!end_) {
    send(SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  ::close(output_);
}

std::vector<std::string> ChildProcess::lines() {
  char piece[4096];
  for (ssize_t count; (count = ::read(output_, piece, sizeof piece)) > 0;)
    unfinished_.append(piece, static_cast<std::size_t>(count));
  std::vector<std::string> whole;
  for (std::size_t at; (at = unfinished_.find('\n')) != std::string::npos; unfinished_.erase(0, at + 1))
    whole.push_back(unfinished_.substr(0, at));
  if (end_ && !unfinished_.empty()) whole.push_back(std::exchange(unfinished_, ""));
  return whole;
}

std::optional<ChildEnd> ChildProcess::end() {
  int status = 0;
  if (end_ || ::waitpid(process_, &status, WNOHANG) != process_) return end_;
  end_ = ChildEnd{};
  end_->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  end_->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  return end_;
}

void ChildProcess::send(int signal) const { ::kill(process_, signal); }

void die_with_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::raise(SIGKILL);  // it went before
}

NamelessFile::NamelessFile(const std::string& text) : descriptor_(::memfd_create("backobs-file", MFD_CLOEXEC)) {
  if (descriptor_ < 0) fail("memory for a nameless file", errno);
  if (::write(descriptor_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    const int error = errno;
    ::close(descriptor_);
    fail("memory for a nameless file", error);
  }
}

NamelessFile::~NamelessFile() { ::close(descriptor_); }

}  // namespace backobs
