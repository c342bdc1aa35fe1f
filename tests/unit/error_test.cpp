// SPDX-License-Identifier: MIT
#include <backobs/error.h>

#include <gtest/gtest.h>

namespace backobs {
namespace {

TEST(Error, SaysWhereFoundWantedAndNearest) {
  const ConfigError error("quickstart.yaml:4:9", "problem `mnist_mpl`", "a known problem", "mnist_mlp");
  EXPECT_STREQ(error.what(),
               "quickstart.yaml:4:9: found problem `mnist_mpl`, wanted a known problem; did you mean `mnist_mlp`?");
  EXPECT_EQ(error.where(), "quickstart.yaml:4:9");
  EXPECT_EQ(error.found(), "problem `mnist_mpl`");
  EXPECT_EQ(error.wanted(), "a known problem");
  EXPECT_EQ(error.nearest(), "mnist_mlp");
}

TEST(Error, LeavesOutEmptyParts) {
  EXPECT_STREQ(DataError("train-images.gz", "truncated").what(), "train-images.gz: truncated");
  EXPECT_STREQ(UsageError("", "`--lr`", "a value").what(), "found `--lr`, wanted a value");
}

TEST(Error, CarriesTheDocumentedExitCode) {
  EXPECT_EQ(static_cast<int>(UsageError("", "").code()), 2);
  EXPECT_EQ(static_cast<int>(ConfigError("", "").code()), 3);
  EXPECT_EQ(static_cast<int>(PluginError("", "").code()), 4);
  EXPECT_EQ(static_cast<int>(DataError("", "").code()), 5);
  EXPECT_EQ(static_cast<int>(ComputeError("", "").code()), 1);
  EXPECT_THROW(throw DataError("", ""), Error);
}

TEST(NearestName, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(nearest_name("kfc", {"kfac", "kflr", "kfra"}), "kfac");
  EXPECT_EQ(nearest_name("mnist_mpl", {"mnist_mlp", "fmnist_mlp"}), "mnist_mlp");  // one swap, not two replacements
  EXPECT_EQ(nearest_name("varience", {"variance"}), "variance");
  EXPECT_EQ(nearest_name("batch_l22", {"batch_l2"}), "batch_l2");
}

TEST(NearestName, IsEmptyBeyondAThirdOfTheWord) {
  EXPECT_EQ(nearest_name("abcdef", {"abcdxy"}), "abcdxy");  // 2 of 6
  EXPECT_EQ(nearest_name("abcdef", {"abcxyz"}), "");        // 3 of 6
  EXPECT_EQ(nearest_name("ab", {"ax"}), "ax");              // at least one is always allowed
  EXPECT_EQ(nearest_name("ab", {"xy"}), "");
  EXPECT_EQ(nearest_name("resnet", {"mnist_mlp"}), "");
  EXPECT_EQ(nearest_name("kfac", {}), "");
}

TEST(NearestName, PrefersTheFirstOfEqualDistance) {
  EXPECT_EQ(nearest_name("mnist", {"fmnist", "qmnist"}), "fmnist");
  EXPECT_EQ(nearest_name("abcdef", {"abcdxy", "abcdez"}), "abcdez");
}

}  // namespace
}  // namespace backobs
