// SPDX-License-Identifier: MIT
// The variance of individual gradients of affine maps in single precision against two passes in double precision, where a
// careless sum would lose it: means 1e4 times the spread, squares that underflow or overflow, features that are dead.
#include "kernels/variance.h"
#include "tolerance.h"

#include <limits>

namespace backobs {
namespace {

using at::Tensor;

Tensor in_two_passes(const Tensor& z, const Tensor& x) {
  const auto a = z.to(at::kDouble).unsqueeze(2) * x.to(at::kDouble).unsqueeze(1);
  return (a - a.mean(0)).square().mean(0);
}

Tensor found(const Tensor& z, const Tensor& x) {
  return affine::variance(z, x, z.t().mm(x), z.square().t().mm(x.square()));
}

/// Largest |found - wanted| / wanted.
double relative_error(const Tensor& found, const Tensor& wanted) {
  return ((found.to(at::kDouble) - wanted) / wanted).abs().max().item<double>();
}

TEST(Variance, EqualsTwoPasses) {
  for (const int64_t samples : {2, 3, 50, 1000}) {
    SCOPED_TRACE(samples);
    const auto z = at::randn({samples, 7}), x = at::randn({samples, 30});
    EXPECT_LT(relative_error(found(z, x), in_two_passes(z, x)), 1e-5);
    EXPECT_TRUE(tensors_near(affine::variance_in_double(z, x), in_two_passes(z, x), 1e-6, 0));
  }
}

TEST(Variance, SurvivesALargeMeanInSomeRows) {
  auto z = at::randn({100, 6});
  z.select(1, 2) = 1 + 1e-4 * at::randn({100});
  z.select(1, 5) = -3 + 1e-3 * at::randn({100});
  const auto x = 1 + 1e-4 * at::randn({100, 40});
  const auto wanted = in_two_passes(z, x);
  EXPECT_LT((wanted[2] / x.to(at::kDouble).mean(0).square()).max().item<double>(), 1e-7) << "the case has lost its point";
  EXPECT_LT(relative_error(found(z, x), wanted), 1e-3);
}

TEST(Variance, SurvivesSquaresThatUnderflowOrOverflow) {
  auto z = at::randn({20, 3});
  z.select(1, 0) *= 1e-22;
  z.select(1, 1) *= 1e22;
  const auto wide = at::cat({1e6 * at::randn({20, 4}), 1e-6 * at::randn({20, 4})}, 1);
  const auto wanted = in_two_passes(z, wide), have = found(z, wide);
  for (const int64_t k : {0, 3}) EXPECT_LT(relative_error(have[0][k], wanted[0][k]), 1e-3);
  for (const int64_t k : {4, 7}) EXPECT_LT(relative_error(have[1][k], wanted[1][k]), 1e-3);
  const auto large = at::full({20, 1}, 1e20f) * at::randn({20, 1}), small = at::full({20, 2}, 1e-10f) * at::randn({20, 2});
  EXPECT_LT(relative_error(found(large, small), in_two_passes(large, small)), 1e-3) << "squares of z overflow, those of z x do not";
  EXPECT_TRUE(have[1][0].isinf().item<bool>()) << "larger than single precision holds";
}

TEST(Variance, OfDeadFeaturesIsZero) {
  auto z = at::randn({20, 3}), x = at::randn({20, 5});
  z.select(1, 1).zero_();
  x.select(1, 4).zero_();
  const auto have = found(z, x);
  EXPECT_EQ(have[1].abs().max().item<float>(), 0);
  EXPECT_EQ(have.select(1, 4).abs().max().item<float>(), 0);
  EXPECT_LT(relative_error(have[0].narrow(0, 0, 4), in_two_passes(z, x)[0].narrow(0, 0, 4)), 1e-5);
}

TEST(Variance, OfNoNumberIsNone) {
  auto z = at::randn({20, 3});
  z[4][1] = std::numeric_limits<float>::quiet_NaN();
  const auto have = found(z, at::randn({20, 5}));
  EXPECT_TRUE(have[1].isnan().all().item<bool>());
  EXPECT_TRUE(have[0].isfinite().all().item<bool>());
}

}  // namespace
}  // namespace backobs
