// SPDX-License-Identifier: MIT
#include <backobs/data_files.h>
#include <backobs/error.h>

#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace backobs {
namespace {

using testing::TemporaryFolder;

/// The environment and the current folder of a user whose home is `home`; as they were, afterwards.
class DataFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(home_.path() / "desk");
    std::filesystem::current_path(home_.path() / "desk");
    setenv("XDG_DATA_HOME", (home_.path() / "share").c_str(), 1);
    unsetenv("BACKOBS_DATA");
  }
  void TearDown() override { std::filesystem::current_path(before_); }
  std::string complaint(const DataRequest& request) {
    try {
      return "found " + data_file("mine/rows.csv", request, "the file of the appendix").string();
    } catch (const DataError& e) {
      return e.what();
    }
  }
  const std::filesystem::path before_ = std::filesystem::current_path();
  TemporaryFolder home_;
};

TEST_F(DataFileTest, LooksInOnePlaceAfterTheOther) {
  const auto users = home_.write("share/backobs/mine/rows.csv", {1});
  EXPECT_EQ(data_file("mine/rows.csv", {}, ""), users);
  const auto here = home_.write("desk/data/mine/rows.csv", {2});
  EXPECT_TRUE(std::filesystem::equivalent(data_file("mine/rows.csv", {}, ""), here));
  const auto named = home_.write("elsewhere/mine/rows.csv", {3});
  setenv("BACKOBS_DATA", (home_.path() / "elsewhere").c_str(), 1);
  EXPECT_EQ(data_file("mine/rows.csv", {}, ""), named);
}

TEST_F(DataFileTest, LooksWhereTheRequestSaysAndNowhereElse) {
  home_.write("desk/data/mine/rows.csv", {1});
  DataRequest request;
  request.folder = home_.path() / "asked";
  EXPECT_EQ(complaint(request), "data file `mine/rows.csv`: found no such file in " + request.folder.string() +
                                    ", wanted the file of the appendix");
  const auto asked = home_.write("asked/mine/rows.csv", {2});
  EXPECT_EQ(data_file("mine/rows.csv", request, ""), asked);
}

TEST_F(DataFileTest, NamesEveryPlaceAndTakesNoFolder) {
  home_.write("desk/data/mine/rows.csv/inside", {1});
  setenv("BACKOBS_DATA", "/nowhere/at/all", 1);
  EXPECT_EQ(complaint({}), "data file `mine/rows.csv`: found no such file in /nowhere/at/all, data, " +
                               (home_.path() / "share/backobs").string() + ", wanted the file of the appendix");
}

}  // namespace
}  // namespace backobs
