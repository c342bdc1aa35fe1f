// SPDX-License-Identifier: MIT
#include "campaign/reduction.h"

#include <backobs/error.h>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace backobs {
namespace {

double reduced(const char* name, const Tensor& tensor) { return reduction_named(name)(tensor); }

TEST(Reduction, GivesTheDefinedNumbers) {
  const Tensor x = at::tensor({1.0, -4.0, 2.0, 3.0}).view({2, 2});
  EXPECT_DOUBLE_EQ(reduced("mean", x), 0.5);
  EXPECT_DOUBLE_EQ(reduced("sum", x), 2);
  EXPECT_DOUBLE_EQ(reduced("norm", x), std::sqrt(30.0));
  EXPECT_DOUBLE_EQ(reduced("max_abs", x), 4);
  EXPECT_DOUBLE_EQ(reduced("std", x), std::sqrt(30.0 / 4 - 0.25));
  EXPECT_DOUBLE_EQ(reduced("min", x), -4);
  EXPECT_DOUBLE_EQ(reduced("max", x), 3);
  EXPECT_DOUBLE_EQ(reduced("trace", x), 4);
}

TEST(Reduction, SumsInDoublePrecision) {
  const Tensor x = at::full({1 << 20}, 0.1f, at::kFloat);
  EXPECT_NEAR(reduced("sum", x), static_cast<double>(0.1f) * (1 << 20), 1e-6);
  EXPECT_NEAR(reduced("mean", x), static_cast<double>(0.1f), 1e-12);
  EXPECT_NEAR(reduced("std", x), 0, 1e-9);
}

TEST(Reduction, TracesBlocksAndRefusesTheRest) {
  EXPECT_DOUBLE_EQ(reduced("trace", at::eye(3, at::kDouble).expand({2, 3, 3})), 6);
  EXPECT_THROW(reduced("trace", at::zeros({2, 3})), ComputeError);
  EXPECT_THROW(reduced("trace", at::zeros({3})), ComputeError);
}

TEST(Reduction, LetsNaNThroughAndSurvivesNothing) {
  const Tensor x = at::tensor({1.0, std::nan(""), 2.0});
  for (const char* name : {"mean", "sum", "norm", "max_abs", "std", "min", "max"})
    EXPECT_TRUE(std::isnan(reduced(name, x))) << name;
  const Tensor none = at::zeros({0});
  for (const char* name : {"mean", "max_abs", "std", "min", "max"})
    EXPECT_TRUE(std::isnan(reduced(name, none))) << name;
  EXPECT_EQ(reduced("sum", none), 0);
}

TEST(Reduction, KnowsItsNames) {
  EXPECT_EQ(reduction_names().size(), 8u);
  for (const auto& name : reduction_names()) EXPECT_NE(reduction_named(name), nullptr);
  try {
    reduction_named("mena");
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.nearest(), "mean");
  }
}

}  // namespace
}  // namespace backobs
