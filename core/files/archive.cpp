// SPDX-License-Identifier: MIT
#include "files/archive.h"

#include <backobs/error.h>

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>
#include <set>

namespace backobs {

namespace {

/// What members nobody asked for may have together, and how many members there may be.
constexpr uint64_t kOtherContent = uint64_t{256} << 20;
constexpr int kMostMembers = 10000;
constexpr std::size_t kBlock = 1 << 16;

struct Close {
  void operator()(archive* handle) const { archive_read_free(handle); }
};

class Reader {
 public:
  Reader(const std::filesystem::path& file, uint64_t most) : where_(file.string()), left_(most), handle_(archive_read_new()) {
    if (!handle_) refuse("no memory");
    archive_read_support_filter_gzip(handle_.get());
    archive_read_support_format_tar(handle_.get());
    if (archive_read_open_filename(handle_.get(), file.c_str(), kBlock) != ARCHIVE_OK) refuse(problem());
  }

  [[noreturn]] void refuse(const std::string& found) const { throw DataError(where_, found, "a sound .tar or .tar.gz"); }

  /// The next member, checked; null at the end.
  archive_entry* next() {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(handle_.get(), &entry);
    if (result == ARCHIVE_EOF) return nullptr;
    if (result != ARCHIVE_OK) refuse(problem());
    if (++members_ > kMostMembers) refuse("more than " + std::to_string(kMostMembers) + " members");
    check(entry);
    return entry;
  }

  /// Reads a member to its end and keeps what it says, if `content` is given.
  void read(uint64_t most, const std::string& name, std::vector<uint8_t>* content) {
    for (uint64_t total = 0;;) {
      const auto got = archive_read_data(handle_.get(), block_.data(), block_.size());
      if (got < 0) refuse("`" + name + "`: " + problem());
      if (got == 0) return;
      total += static_cast<uint64_t>(got);
      if (total > most) refuse("`" + name + "`, which is larger than " + std::to_string(most) + " bytes");
      left_ -= std::min(left_, static_cast<uint64_t>(got));
      if (left_ == 0) refuse("more content than such an archive has");
      if (content != nullptr) content->insert(content->end(), block_.begin(), block_.begin() + got);
    }
  }

 private:
  std::string problem() const {
    const char* text = archive_error_string(handle_.get());
    return text != nullptr ? text : "a damaged archive";
  }

  void check(archive_entry* entry) const {
    const char* stored = archive_entry_pathname(entry);
    if (stored == nullptr) refuse("a member without a name");
    const std::filesystem::path path(stored);
    if (path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end())
      refuse("member `" + path.string() + "`, which leads out of the archive");
    const auto type = archive_entry_filetype(entry);
    if (archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr || (type != AE_IFREG && type != AE_IFDIR))
      refuse("member `" + path.string() + "`, which is a link or special file");
  }

  std::string where_;
  uint64_t left_;
  int members_ = 0;
  std::vector<uint8_t> block_ = std::vector<uint8_t>(kBlock);
  std::unique_ptr<archive, Close> handle_;
};

/// "./a//b" and "a/b" are the same member.
std::string normal_name(const char* stored) { return std::filesystem::path(stored).lexically_normal().generic_string(); }

}  // namespace

void read_archive(const std::filesystem::path& archive, const WantedMembers& wanted,
                  const std::function<void(const std::string& name, std::vector<uint8_t> content)>& take) {
  uint64_t most = kOtherContent;
  for (const auto& [name, size] : wanted) most += size;
  Reader reader(archive, most);
  std::set<std::string> seen;
  while (archive_entry* entry = reader.next()) {
    const auto name = normal_name(archive_entry_pathname(entry));
    const auto found = archive_entry_filetype(entry) == AE_IFREG ? wanted.find(name) : wanted.end();
    if (found == wanted.end()) {
      reader.read(most, name, nullptr);
      continue;
    }
    if (!seen.insert(name).second) reader.refuse("two members `" + name + "`");
    std::vector<uint8_t> content;
    reader.read(found->second, name, &content);
    take(name, std::move(content));
  }
}

}  // namespace backobs
