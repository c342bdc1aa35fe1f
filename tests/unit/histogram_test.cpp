// SPDX-License-Identifier: MIT
#include "campaign/histogram.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace backobs {
namespace {

using Bins = std::vector<std::pair<std::string, int64_t>>;

TEST(Histogram, CountsByDecadeFromTheSmallestUp) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor values = at::tensor(
      std::vector<double>{0, 1, 9.99, 10, -0.5, -0.1, -0.09, 1e-5, 9e-6, 0, -infinity, infinity, std::nan("")}, at::kDouble);
  EXPECT_EQ(decade_histogram(values), (Bins{{"-inf", 1}, {"-1e-01", 2}, {"-1e-02", 1}, {"0", 2}, {"1e-06", 1}, {"1e-05", 1},
                                            {"1e+00", 2}, {"1e+01", 1}, {"inf", 1}, {"nan", 1}}));
  EXPECT_TRUE(decade_histogram(at::empty({0, 3})).empty());
}

TEST(Histogram, MissesNoEntry) {
  const Tensor values = at::randn({17, 5, 3}, at::kFloat).transpose(0, 2).exp();
  int64_t all = 0;
  for (const auto& [bin, count] : decade_histogram(values)) all += count;
  EXPECT_EQ(all, values.numel());
}

}  // namespace
}  // namespace backobs
