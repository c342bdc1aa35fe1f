// SPDX-License-Identifier: MIT
#include "files/checked_files.h"

#include <backobs/error.h>

#include "files/checksum.h"
#include "files/user_folders.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

namespace backobs {

namespace {

namespace fs = std::filesystem;

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec; }

std::string entry_text(const FileIdentity& file, const std::string& checksum) {
  return checksum + " " + file.text() + "\n";
}

/// One entry per data file, whatever its state, so that the memory does not grow.
fs::path entry_of(const FileIdentity& file) {
  const auto cache = user_cache_folder();
  if (cache.empty()) return cache;
  return cache / "checked" / checksum(Digest::sha256, file.path.data(), file.path.size()).substr(0, 32);
}

}  // namespace

std::string FileIdentity::text() const {
  return std::to_string(size) + " " + std::to_string(inode) + " " + std::to_string(modified) + " " +
         std::to_string(changed) + " " + path;
}

FileIdentity identity_of(const fs::path& file) {
  struct stat facts;
  if (stat(file.c_str(), &facts) != 0)
    throw DataError(file.string(), std::generic_category().message(errno), "a readable file");
  return {fs::absolute(file).string(), static_cast<uint64_t>(facts.st_size), facts.st_ino, nanoseconds(facts.st_mtim),
          nanoseconds(facts.st_ctim)};
}

bool was_checked(const FileIdentity& file, const std::string& checksum) {
  const auto entry = entry_of(file);
  std::ifstream stream(entry, std::ios::binary);
  if (entry.empty() || !stream) return false;
  return std::string(std::istreambuf_iterator<char>(stream), {}) == entry_text(file, checksum);
}

void remember_checked(const FileIdentity& file, const std::string& checksum) noexcept try {
  const auto entry = entry_of(file);
  if (entry.empty()) return;
  fs::create_directories(entry.parent_path());
  const auto part = entry.string() + "." + std::to_string(getpid());
  std::ofstream(part, std::ios::binary) << entry_text(file, checksum);
  std::error_code ignored;
  fs::rename(part, entry, ignored);
} catch (...) {
  // Forgetting costs a second look at the file, nothing else.
}

}  // namespace backobs
