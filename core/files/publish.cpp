// SPDX-License-Identifier: MIT
#include "files/publish.h"

#include <backobs/error.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace backobs {

namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const char* wanted) {
  throw DataError(file.string(), std::generic_category().message(errno), wanted);
}

void sync(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, "a file that can be synced");
  const bool done = ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (!done) fail(path, "a file that can be synced");
}

}  // namespace

void publish(const std::filesystem::path& part, const std::filesystem::path& file) {
  sync(part);
  if (std::rename(part.c_str(), file.c_str()) != 0) fail(file, "a place that can be written");
  sync(file.parent_path().empty() ? "." : file.parent_path());
}

std::filesystem::path target_of(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return file;
  if (!std::filesystem::is_regular_file(file, error))
    throw ComputeError(file.string(), "something that is no regular file", "a regular file, or a name that is free");
  const auto real = std::filesystem::canonical(file, error);
  return error ? file : real;
}

}  // namespace backobs
