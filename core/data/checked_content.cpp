// SPDX-License-Identifier: MIT
#include "data/checked_content.h"

#include <backobs/error.h>

#include "files/archive.h"
#include "files/checksum.h"
#include "files/read_bytes.h"

#include <algorithm>
#include <utility>

namespace backobs {

namespace {

constexpr const char* kMissing = "missing";

std::string named(const std::string& sum) { return to_string(digest_of(sum)) + (" " + sum); }

std::string sum_of(const DataFile& wanted, const std::vector<uint8_t>& content) {
  return checksum(digest_of(wanted.checksum), content.data(), content.size());
}

std::string member_name(const Layout& layout, const DataFile& file) {
  return layout.folder.empty() ? file.name : layout.folder + "/" + file.name;
}

/// Every file of the layout that the archive has, with its place in Layout::files.
void for_each_member(const Layout& layout, const std::filesystem::path& archive,
                     const std::function<void(std::size_t index, const std::vector<uint8_t>& content)>& take) {
  WantedMembers wanted;
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < layout.files.size(); ++i) {
    const auto name = member_name(layout, layout.files[i]);
    wanted[name] = layout.files[i].size;
    places[name] = i;
  }
  read_archive(archive, wanted, [&](const std::string& name, std::vector<uint8_t> content) { take(places.at(name), content); });
}

std::vector<std::string> member_problems(const Layout& layout, const std::filesystem::path& archive) {
  std::vector<std::string> problems(layout.files.size(), kMissing);
  try {
    for_each_member(layout, archive, [&](std::size_t i, const std::vector<uint8_t>& content) {
      problems[i] = content_problem(layout.files[i], content);
    });
  } catch (const DataError& error) {
    std::replace(problems.begin(), problems.end(), std::string(kMissing), error.found());
  }
  return problems;
}

}  // namespace

void FoundFile::refuse(const std::string& found, const std::string& right) const {
  throw DataError(file.string(), found, right + ", as " + set.title + " has; " + how_to_get(set));
}

void FoundFile::require_checksum(const std::string& found) const {
  if (found != wanted.checksum) refuse(named(found), wanted.checksum);
}

void FoundFile::check(const FileIdentity& identity, const std::function<std::string()>& sum) const {
  if (was_checked(identity, wanted.checksum)) return;
  require_checksum(sum());
  remember_checked(identity, wanted.checksum);
}

FoundFile found_file(const DataSet& set, const LocatedSet& located, std::size_t index) {
  return {set, set.layouts[located.layout].files[index], located.files[index]};
}

void for_each_content(const DataSet& set, const LocatedSet& located,
                      const std::function<void(std::size_t index, const std::vector<uint8_t>& content)>& take) {
  const Layout& layout = set.layouts[located.layout];
  if (!located.in_archive) {
    for (std::size_t i = 0; i < layout.files.size(); ++i) {
      const FoundFile found = found_file(set, located, i);
      const FileIdentity identity = identity_of(found.file);
      const auto content = read_bytes(found.file, found.wanted.size);
      found.check(identity, [&] { return sum_of(found.wanted, content); });
      take(i, content);
    }
    return;
  }
  std::vector<bool> seen(layout.files.size());
  for_each_member(layout, located.files.front(), [&](std::size_t i, const std::vector<uint8_t>& content) {
    found_file(set, located, i).require_checksum(sum_of(layout.files[i], content));
    take(i, content);
    seen[i] = true;
  });
  for (std::size_t i = 0; i < seen.size(); ++i)
    if (!seen[i]) found_file(set, located, i).refuse("an archive without " + layout.files[i].name, "all files");
}

std::vector<std::string> content_problems(const DataSet& set, const LocatedSet& located) {
  const Layout& layout = set.layouts[located.layout];
  if (located.in_archive) return member_problems(layout, located.files.front());
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < layout.files.size(); ++i)
    problems.push_back(located.files[i].empty() ? kMissing : content_problem(layout.files[i], located.files[i]));
  return problems;
}

std::string content_problem(const DataFile& wanted, const std::filesystem::path& file) try {
  const auto found = content_checksum(file, digest_of(wanted.checksum), wanted.size);
  return found == wanted.checksum ? "" : named(found);
} catch (const DataError& error) {
  return error.found();
}

std::string content_problem(const DataFile& wanted, const std::vector<uint8_t>& content) {
  const auto found = sum_of(wanted, content);
  return found == wanted.checksum ? "" : named(found);
}

}  // namespace backobs
