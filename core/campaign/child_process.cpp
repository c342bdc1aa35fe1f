// SPDX-License-Identifier: MIT
#include "campaign/child_process.h"

#include <backobs/error.h>

#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

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

ChildEnd run_child(const std::vector<std::string>& arguments, const std::vector<int>& descriptors) {
  FileActions files;
  posix_spawn_file_actions_adddup2(&files.actions, STDERR_FILENO, STDOUT_FILENO);
  // A descriptor duplicated onto itself loses its close-on-exec flag.
  for (const int descriptor : descriptors) posix_spawn_file_actions_adddup2(&files.actions, descriptor, descriptor);
  std::string program = "backobs";
  std::vector<std::string> texts = arguments;
  std::vector<char*> pointers = {program.data()};
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  std::vector<char*> variables = child_environment();
  pid_t child = 0;
  const int error = ::posix_spawn(&child, "/proc/self/exe", &files.actions, nullptr, pointers.data(), variables.data());
  if (error) fail("starting a run", error);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail("waiting for a run", errno);
  ChildEnd end;
  end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  return end;
}

void die_with_parent() {
  const pid_t parent = ::getppid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::raise(SIGKILL);  // it went just before
}

NamelessFile::NamelessFile(const std::string& text) : descriptor_(::memfd_create("backobs-experiment", MFD_CLOEXEC)) {
  if (descriptor_ < 0) fail("memory for the experiment file", errno);
  if (::write(descriptor_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    const int error = errno;
    ::close(descriptor_);
    fail("memory for the experiment file", error);
  }
}

NamelessFile::~NamelessFile() { ::close(descriptor_); }

}  // namespace backobs
