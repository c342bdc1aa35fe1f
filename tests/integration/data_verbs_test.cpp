// SPDX-License-Identifier: MIT
// `backobs data` as a user meets it, over a data root of the test's own.
#include "integration/program.h"
#include "unit/foreign_files.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class DataVerbs : public ::testing::Test {
 protected:
  testing::Answer data(const std::string& arguments) const {
    const std::string root = " --data-dir '" + (folder_.path() / "root").string() + "'";
    return testing::backobs(folder_.path(), "data " + arguments + root);
  }
  /// State by file.
  std::map<std::string, std::string> verified(const std::string& set, int code) const {
    const auto answer = data("verify " + set + " --json");
    EXPECT_EQ(answer.code, code) << answer.err;
    std::map<std::string, std::string> states;
    for (const auto& file : json::parse(answer.out)) states[file["file"]] = file["state"];
    return states;
  }
  const testing::TemporaryFolder folder_;
};

TEST_F(DataVerbs, ListsEverySetWithItsLicence) {
  const auto answer = data("list --json");
  ASSERT_EQ(answer.code, 0) << answer.err;
  std::vector<std::string> names;
  for (const auto& set : json::parse(answer.out)) {
    names.push_back(set["name"]);
    EXPECT_EQ(set["state"], "missing");
    EXPECT_FALSE(set["licence"].get<std::string>().empty());
    const bool restricted = set["licence"].get<std::string>().rfind("for non-commercial use only", 0) == 0;
    EXPECT_EQ(restricted, set["name"] == "svhn") << set["name"];
  }
  EXPECT_EQ(names, (std::vector<std::string>{"cifar10", "cifar100", "fmnist", "mnist", "svhn"}));
}

TEST_F(DataVerbs, VerifiesFileByFile) {
  EXPECT_EQ(data("verify").code, 0);  // what is not there at all is only told
  EXPECT_EQ(verified("svhn", 5), (std::map<std::string, std::string>{{"train_32x32.mat", "missing"}, {"test_32x32.mat", "missing"}}));
  folder_.write("root/svhn/train_32x32.mat", {1, 2, 3});
  EXPECT_EQ(verified("svhn", 5), (std::map<std::string, std::string>{{"train_32x32.mat", "wrong checksum"}, {"test_32x32.mat", "missing"}}));
  EXPECT_EQ(data("verify").code, 5);
}

TEST_F(DataVerbs, VerifiesInsideAnArchive) {
  const auto member = testing::tar_member("cifar-100-python/train", {1, 2, 3});
  folder_.write("root/cifar100/cifar-100-python.tar.gz", testing::gzip(testing::tar({member})));
  EXPECT_EQ(verified("cifar100", 5), (std::map<std::string, std::string>{{"train", "wrong checksum"}, {"test", "missing"}}));
  folder_.write("root/cifar100/cifar-100-python.tar.gz", testing::gzip(testing::tar({testing::tar_member("../train", {1})})));
  EXPECT_EQ(verified("cifar100", 5), (std::map<std::string, std::string>{{"train", "wrong checksum"}, {"test", "wrong checksum"}}));
}

TEST_F(DataVerbs, AMissingSetNamesTheCommandOnce) {
  const auto answer = testing::backobs(folder_.path(), "train mnist_logreg --lr 0.1 --epochs 1 --data-dir '" + folder_.path().string() + "'");
  EXPECT_EQ(answer.code, 5) << answer.err;
  const std::string command = "`backobs data fetch mnist`";
  const auto first = answer.err.find(command);
  ASSERT_NE(first, std::string::npos) << answer.err;
  EXPECT_EQ(answer.err.find(command, first + 1), std::string::npos) << answer.err;
}

TEST_F(DataVerbs, NamesTheNearestSet) {
  const auto answer = data("fetch cifar-10");
  EXPECT_EQ(answer.code, 2);
  EXPECT_NE(answer.err.find("cifar10"), std::string::npos) << answer.err;
}

}  // namespace
}  // namespace backobs
