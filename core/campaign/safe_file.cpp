// SPDX-License-Identifier: MIT
#include "campaign/safe_file.h"

#include <backobs/error.h>

#include "files/publish.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace backobs {
namespace {

constexpr std::size_t kBufferSize = std::size_t{64} << 10;

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& what, int error) {
  throw ComputeError(file.string(), what + ": " + std::strerror(error));
}

void write_all(int descriptor, std::string_view text, const std::filesystem::path& file) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(file, "cannot be written", errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

int64_t size_of(int descriptor, const std::filesystem::path& file) {
  struct stat facts {};
  if (::fstat(descriptor, &facts) != 0) fail(file, "cannot be looked at", errno);
  return facts.st_size;
}

}  // namespace

void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw ComputeError(folder.string(), "cannot be created: " + error.message());
}

void write_file(const std::filesystem::path& file, std::string_view text) {
  // Two processes may write the same file at the same time; each has a temporary name of its own.
  const auto target = target_of(file);
  GrowingFile growing(target, target.string() + "." + std::to_string(::getpid()) + ".part");
  growing.append(text);
  growing.commit();
}

GrowingFile::GrowingFile(std::filesystem::path file) : GrowingFile(file, file.string() + ".part") {}

GrowingFile::GrowingFile(std::filesystem::path file, std::filesystem::path part)
    : file_(std::move(file)), part_(std::move(part)) {
  descriptor_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail(part_, "cannot be created", errno);
}

GrowingFile::GrowingFile(std::filesystem::path file, int64_t size)
    : file_(std::move(file)), part_(file_.string() + ".part"), is_counted_on_(true) {
  // A process that died while it finished may have given the file its name already.
  if (::access(part_.c_str(), F_OK) != 0) ::rename(file_.c_str(), part_.c_str());
  descriptor_ = ::open(part_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) fail(part_, "cannot be opened", errno);
  const int64_t found = size_of(descriptor_, part_);
  int error = 0;
  if (found >= size && ::ftruncate(descriptor_, size) != 0) error = errno;
  if (found >= size && error == 0) return;
  ::close(descriptor_);
  if (error) fail(part_, "cannot be cut", error);
  throw ComputeError(part_.string(), std::to_string(found) + " bytes", "at least " + std::to_string(size));
}

GrowingFile::~GrowingFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!is_counted_on_) ::unlink(part_.c_str());
}

void GrowingFile::append(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferSize) flush();
}

void GrowingFile::flush() {
  write_all(descriptor_, buffer_, part_);
  buffer_.clear();
}

int64_t GrowingFile::sync() {
  flush();
  if (::fsync(descriptor_) != 0) fail(part_, "cannot be synced", errno);
  is_counted_on_ = true;
  return size_of(descriptor_, part_);
}

void GrowingFile::leave() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void GrowingFile::commit() {
  flush();
  if (::fsync(descriptor_) != 0) fail(part_, "cannot be synced", errno);
  if (::rename(part_.c_str(), file_.c_str()) != 0) fail(file_, "cannot be renamed to", errno);
  ::close(std::exchange(descriptor_, -1));
  sync_folder(file_.parent_path());
}

}  // namespace backobs
