// SPDX-License-Identifier: MIT
#include "campaign/axis.h"

#include <backobs/legacy_random.h>

#include <gtest/gtest.h>

#include <cmath>

namespace backobs {
namespace {

std::vector<std::string> texts(const Axis& axis) {
  std::vector<std::string> all;
  for (const RawValue& value : axis.values) all.push_back(value.items.at(0));
  return all;
}

Axis axis(const std::string& value) {
  ConfigProblems problems;
  const YamlNode root = read_yaml("a: " + value + "\n", "a.yaml", problems);
  Axis found = axis_of(root.entries.at(0), false, problems);
  EXPECT_TRUE(problems.empty()) << problems.lines().front();
  return found;
}

TEST(Range, StepsAreEqualOrFactorsAre) {
  EXPECT_EQ(texts(axis("{from: 0, to: 1, count: 5}")), (std::vector<std::string>{"0", "0.25", "0.5", "0.75", "1"}));
  EXPECT_EQ(texts(axis("{from: 1e-3, to: 1, count: 4, scale: log}")),
            (std::vector<std::string>{"0.001", "0.01", "0.1", "1"}));
  EXPECT_EQ(texts(axis("{from: 256, to: 16, count: 5, scale: log}")),
            (std::vector<std::string>{"256", "128", "64", "32", "16"}));
  EXPECT_EQ(texts(axis("{from: 3, to: 9, count: 1}")), std::vector<std::string>{"3"});
}

/// Draws are Python's random.random() after random.seed(42): 0.6394, 0.0250, 0.2750.
TEST(Range, DrawsFollowTheSeed) {
  EXPECT_EQ(texts(axis("{from: 10, to: 20, count: 3, random: 42}")),
            (std::vector<std::string>{"16.3943", "10.2501", "12.7503"}));
  const auto log = texts(axis("{from: 0.001, to: 1, count: 2, random: 42, scale: log}"));
  ASSERT_EQ(log.size(), 2u);
  EXPECT_NEAR(std::log10(std::stod(log[0])), -3 + 3 * 0.6394267984578837, 1e-5);
  EXPECT_NEAR(std::log10(std::stod(log[1])), -3 + 3 * 0.025010755222666936, 1e-5);
}

TEST(Zip, AxesAdvanceTogether) {
  ConfigProblems problems;
  const YamlNode root =
      read_yaml("a: [1, 2]\nb: [x, y, z]\nc: [3, 4]\nd: 7\nzip: [[a, c, d]]\n", "a.yaml", problems);
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < 4; ++i) axes.push_back(axis_of(root.entries[i], false, problems));
  const auto groups = zipped(axes, root.find("zip"), problems);
  ASSERT_TRUE(problems.empty()) << problems.lines().front();
  EXPECT_EQ(combination_count(groups, 100), 6u);
  EXPECT_EQ(combination_count(groups, 5), 6u);
  std::string all;
  for (const auto& one : combinations(groups)) {
    for (const auto& [name, value] : one) all += value.items[0];
    all += " ";
  }
  EXPECT_EQ(all, "1x37 1y37 1z37 2x47 2y47 2z47 ");
}

}  // namespace
}  // namespace backobs
