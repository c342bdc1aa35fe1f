// SPDX-License-Identifier: MIT
#include "campaign/estimate.h"

#include <gtest/gtest.h>

namespace backobs {
namespace {

/// Steps of 1 s, evaluations of 10 s; an extension due every 4th step that takes 0.5 s and leaves 1 MiB.
Costs costs() {
  Costs one;
  one.set_up_s = 3;
  one.evaluation_s = 10;
  one.plain_step_s = 1;
  one.process_mib = 300;
  one.steps_per_epoch = 25;
  one.extra_s[4] = 0.5;
  one.extra_bytes[4] = 1 << 20;
  return one;
}

RunSettings settings(int64_t epochs, int64_t max_steps) {
  RunSettings one;
  one.loop.epochs = epochs;
  one.loop.max_steps = max_steps;
  return one;
}

TEST(Estimate, CountsStepsEvaluationsAndWhatIsDue) {
  // 30 steps, 4 evaluations, due at 0, 4, ..., 28; against none at all.
  const Estimate none = estimate(settings(0, 10), costs()), three = estimate(settings(3, 10), costs());
  EXPECT_NEAR(three.seconds - none.seconds, 30 * 1 + 3 * 10 + 8 * 0.5, 1e-9);
  EXPECT_NEAR(three.disk_mib - none.disk_mib, 8, 0.01);
  EXPECT_EQ(three.memory_mib, 300);
  EXPECT_GE(none.seconds, 13);
}

TEST(Estimate, ABudgetIsAShareOfTheSteps) {
  // 30 steps and 8 uses of the other take 34 s; a tenth of that is 3.4 uses of 1 s.
  Costs some = costs();
  const Estimate without = estimate(settings(3, 10), some);
  some.budgeted.push_back({10, 1, 1 << 20});
  const Estimate with = estimate(settings(3, 10), some);
  EXPECT_NEAR(with.seconds - without.seconds, 3.4, 1e-9);
  EXPECT_NEAR(with.disk_mib - without.disk_mib, 3.4, 0.01);
  some.budgeted.front().extra_s = 0.001;  // due at every step at most
  EXPECT_NEAR(estimate(settings(3, 10), some).seconds - without.seconds, 0.03, 1e-9);
}

TEST(Estimate, AnEpochEndsWithItsData) {
  const double whole = estimate(settings(2, 0), costs()).seconds;
  EXPECT_EQ(estimate(settings(2, 1000), costs()).seconds, whole);
  EXPECT_GT(whole, estimate(settings(2, 24), costs()).seconds);
}

TEST(Estimate, MaxTimeEndsATraining) {
  RunSettings limited = settings(1000, 0);
  limited.loop.max_time = 60;
  const double seconds = estimate(limited, costs()).seconds;
  EXPECT_GE(seconds, 63);
  EXPECT_LT(seconds, 65);
}

}  // namespace
}  // namespace backobs
