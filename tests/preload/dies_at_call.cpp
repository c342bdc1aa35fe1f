// SPDX-License-Identifier: MIT
// Preloaded, it kills a process at its n-th change of a folder's files: a write, after half of its bytes; a sync, rename,
// link, removal or cut, before it. What the disk then holds is what a power loss between two of them leaves.
//
//   BACKOBS_TEST_BELOW   the folder
//   BACKOBS_TEST_CALL    n, from 1; 0: never
//   BACKOBS_TEST_CHILD   1: processes started with --child alone; 0: the others alone
//   BACKOBS_TEST_CALLS   a file that every change adds one line to, its kind and path
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

namespace {

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

/// The real function behind the one here.
template <typename Function>
Function next(Function, const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

bool is_meant() {
  std::ifstream stream("/proc/self/cmdline", std::ios::binary);
  const std::string line{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const bool is_child = line.find(std::string("\0--child", 8)) != std::string::npos;
  return is_child == (variable("BACKOBS_TEST_CHILD") == "1");
}

std::string path_of(int descriptor) {
  char path[4096];
  const ssize_t length = readlink(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "";
}

/// Counts a change; whether it is the one to die at.
bool is_last(const char* kind, const std::string& path) {
  static const bool meant = is_meant();
  static const std::string below = variable("BACKOBS_TEST_BELOW"), log = variable("BACKOBS_TEST_CALLS");
  static const long call = std::atol(variable("BACKOBS_TEST_CALL").c_str());
  static std::atomic<long> calls{0};
  if (!meant || below.empty() || path.compare(0, below.size(), below) != 0) return false;
  const std::string line = std::string(kind) + " " + path + "\n";
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  syscall(SYS_write, file, line.data(), line.size());
  syscall(SYS_close, file);
  return ++calls == call;
}

[[noreturn]] void die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

void before(const char* kind, const std::string& path) {
  if (is_last(kind, path)) die();
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t size) {
  static const auto real = next(&write, "write");
  if (descriptor > 2 && is_last("write", path_of(descriptor))) {
    real(descriptor, bytes, size / 2);
    die();
  }
  return real(descriptor, bytes, size);
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
  static const auto real = next(&writev, "writev");
  if (descriptor > 2 && is_last("write", path_of(descriptor))) {
    real(descriptor, parts, count / 2);
    die();
  }
  return real(descriptor, parts, count);
}

int fsync(int descriptor) {
  static const auto real = next(&fsync, "fsync");
  before("sync", path_of(descriptor));
  return real(descriptor);
}

int ftruncate(int descriptor, off_t size) noexcept {
  static const auto real = next(&ftruncate, "ftruncate");
  before("cut", path_of(descriptor));
  return real(descriptor, size);
}

int rename(const char* from, const char* to) noexcept {
  static const auto real = next(&rename, "rename");
  before("rename", to);
  return real(from, to);
}

int link(const char* from, const char* to) noexcept {
  static const auto real = next(&link, "link");
  before("link", to);
  return real(from, to);
}

int unlink(const char* path) noexcept {
  static const auto real = next(&unlink, "unlink");
  before("removal", path);
  return real(path);
}

}  // extern "C"
