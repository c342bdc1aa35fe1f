// SPDX-License-Identifier: MIT
#include "campaign/run_lock.h"

#include "campaign/safe_file.h"

#include <backobs/error.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace backobs {
namespace {

/// The holder before us may have removed the file between our opening and our locking it.
bool is_still_named(int descriptor, const std::filesystem::path& file) {
  struct stat held {}, named {};
  return ::fstat(descriptor, &held) == 0 && ::stat(file.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

}  // namespace

std::optional<RunLock> RunLock::try_take(const std::filesystem::path& run_folder) {
  const std::filesystem::path file = run_folder / "lock";
  while (true) {
    make_folder(run_folder);
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0 && errno == ENOENT) continue;  // the folder went with its holder
    if (descriptor < 0) throw ComputeError(file.string(), std::strerror(errno), "a file that can be created");
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      ::close(descriptor);
      if (error == EWOULDBLOCK) return std::nullopt;
      throw ComputeError(file.string(), std::strerror(error), "a file system that has locks");
    }
    if (is_still_named(descriptor, file)) return RunLock(file, descriptor);
    ::close(descriptor);
  }
}

bool RunLock::is_held(const std::filesystem::path& run_folder) {
  const int descriptor = ::open((run_folder / "lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0;
  ::close(descriptor);
  return held;
}

RunLock::RunLock(std::filesystem::path file, int descriptor) : file_(std::move(file)), descriptor_(descriptor) {}
RunLock::RunLock(RunLock&& other) noexcept
    : file_(std::move(other.file_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

RunLock::~RunLock() {
  if (descriptor_ < 0) return;
  if (is_still_named(descriptor_, file_)) ::unlink(file_.c_str());
  ::close(descriptor_);
}

}  // namespace backobs
