// SPDX-License-Identifier: MIT
#include "campaign/safe_file.h"

#include <backobs/error.h>

#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>
#include <iterator>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

TEST(SafeFile, AppearsOnlyWhenCommitted) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.txt";
  {
    GrowingFile growing(file);
    growing.append("one\n");
    growing.flush();
    EXPECT_FALSE(fs::exists(file));
    EXPECT_EQ(text_of(growing.part()), "one\n");
    growing.append("two\n");
    EXPECT_TRUE(growing.is_growing());
    growing.commit();
    EXPECT_FALSE(growing.is_growing());
  }
  EXPECT_EQ(text_of(file), "one\ntwo\n");
  EXPECT_FALSE(fs::exists(folder.path() / "a.txt.part"));
}

TEST(SafeFile, LeavesTheOldFileWhenAbandoned) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.txt";
  write_file(file, "old");
  { GrowingFile(file).append(std::string(200000, 'x')); }
  EXPECT_EQ(text_of(file), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(SafeFile, GoesOnWhereItWasCut) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.txt";
  int64_t size = 0;
  {
    GrowingFile growing(file);
    growing.append("kept\n");
    size = growing.sync();
    growing.append("lost\n");
    growing.flush();
    growing.leave();
  }
  EXPECT_EQ(size, 5);
  EXPECT_EQ(text_of(file.string() + ".part"), "kept\nlost\n");
  {
    GrowingFile growing(file, size);
    growing.append("new\n");
    growing.commit();
  }
  EXPECT_EQ(text_of(file), "kept\nnew\n");
  {
    GrowingFile growing(file, size);  // it has its name already
    growing.commit();
  }
  EXPECT_EQ(text_of(file), "kept\n");
  EXPECT_THROW(GrowingFile(file, 6), ComputeError);
  EXPECT_THROW(GrowingFile(folder.path() / "none", 0), ComputeError);
}

TEST(SafeFile, SaysWhatCannotBeWritten) {
  const TemporaryFolder folder;
  EXPECT_THROW(write_file(folder.path() / "none" / "a.txt", "x"), ComputeError);
  write_file(folder.path() / "a", "x");
  EXPECT_THROW(make_folder(folder.path() / "a" / "b"), ComputeError);
  make_folder(folder.path() / "b" / "c");
  EXPECT_TRUE(fs::is_directory(folder.path() / "b" / "c"));
  if (fs::exists("/dev/full")) {
    fs::create_symlink("/dev/full", folder.path() / ("full." + std::to_string(getpid()) + ".part"));
    EXPECT_THROW(write_file(folder.path() / "full", "x"), ComputeError);
    EXPECT_FALSE(fs::exists(folder.path() / "full"));
  }
}

}  // namespace
}  // namespace backobs
