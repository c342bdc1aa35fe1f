// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/testing/plugin.h>
#include <backobs/testing/quadratic_step.h>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace {
using namespace backobs;
namespace kit = backobs::testing;

/// A runner at work on (1/2) sum_i a_i w_i^2 with a = (1, 4), from w = (3, 1).
struct Bowl {
  explicit Bowl(const std::string& lr) : runner(kit::Plugin(BACKOBS_PLUGIN_FILE).make_runner({{"lr", lr}})) {
    runner->prepare({{"dense.weight", w, {}}, {"frozen.weight", frozen, {}}});
  }
  at::Tensor w = at::tensor({3.0, 1.0}, at::kDouble).requires_grad_();
  at::Tensor frozen = at::ones({2}, at::kDouble);
  kit::QuadraticStep step{w, at::tensor({1.0, 4.0}, at::kDouble)};
  std::unique_ptr<Runner> runner;
};

/// The gradient (3, 4) has length 5: one step of length 0.5 leads to (3, 1) - (0.3, 0.4).
TEST(@Class@, TakesTheStepOfItsDefinition) {
  Bowl bowl("0.5");
  EXPECT_DOUBLE_EQ(bowl.runner->step(bowl.step), 0.5 * (9 + 4));  // the loss before the step
  EXPECT_NEAR(bowl.w.detach()[0].item<double>(), 2.7, 1e-12);
  EXPECT_NEAR(bowl.w.detach()[1].item<double>(), 0.6, 1e-12);
  EXPECT_TRUE(bowl.frozen.equal(at::ones({2}, at::kDouble)));
  EXPECT_EQ(bowl.step.evaluations(), 1);
}

TEST(@Class@, FollowsTheSchedule) {
  Bowl bowl("0.5");
  bowl.runner->set_rate_factor(0.1);
  EXPECT_DOUBLE_EQ(bowl.runner->rate(), 0.05);
  bowl.runner->step(bowl.step);
  EXPECT_NEAR(bowl.w.detach()[0].item<double>(), 2.97, 1e-12);
}

TEST(@Class@, GoesOnFromSavedState) {
  Bowl first("0.5"), second("0.5");
  first.runner->set_rate_factor(0.1);
  State state;
  first.runner->save_state(state);
  second.runner->load_state(state);
  first.runner->step(first.step);
  second.runner->step(second.step);
  EXPECT_TRUE(first.w.equal(second.w));
}

TEST(@Class@, RefusesOptionsOutOfRange) {
  EXPECT_THROW(Bowl("0"), ConfigError);
  EXPECT_THROW(kit::Plugin(BACKOBS_PLUGIN_FILE).make_runner(), ConfigError);  // lr has no default
}
}  // namespace
