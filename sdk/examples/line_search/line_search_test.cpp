// SPDX-License-Identifier: MIT
#include <backobs/testing/plugin.h>
#include <backobs/testing/quadratic_step.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

namespace {
using namespace backobs;
namespace kit = backobs::testing;

/// A line search on (a/2) w^2 from w = 1, where the first sufficient rate is known: with f(1 - t a) <= f(1) - s t a^2 it
/// is t <= 2 (1 - s) / a.
struct Search {
  explicit Search(double a, std::map<std::string, std::string> options = {}) : step(w, at::full({1}, a, at::kDouble)) {
    options.emplace("lr", "1");
    options.emplace("shrink", "0.5");
    runner = kit::Plugin(BACKOBS_PLUGIN_FILE).make_runner(options);
    runner->prepare({{"dense.weight", w, {}}});
  }
  double value() const { return w.item<double>(); }
  Tensor w = at::ones({1}, at::kDouble).requires_grad_();
  kit::QuadraticStep step;
  std::unique_ptr<Runner> runner;
};

/// a = 8, s = 0.1: rates 1, 1/2 and 1/4 are too long, 1/8 <= 0.225 is not; it leads to 1 - 8/8 = 0.
TEST(LineSearch, ShrinksUntilTheDecreaseIsSufficient) {
  Search search(8);
  EXPECT_DOUBLE_EQ(search.runner->step(search.step), 4);
  EXPECT_DOUBLE_EQ(search.runner->rate(), 0.125);
  EXPECT_NEAR(search.value(), 0, 1e-15);
  EXPECT_EQ(search.step.evaluations(), 1 + 4);
}

/// a = 1/2: the whole rate will do, and so it stays at its bound.
TEST(LineSearch, TakesTheWholeRateWhereItCan) {
  Search search(0.5);
  search.runner->step(search.step);
  EXPECT_DOUBLE_EQ(search.value(), 0.5);
  EXPECT_EQ(search.step.evaluations(), 2);
  search.runner->set_rate_factor(0.1);
  search.runner->step(search.step);
  EXPECT_DOUBLE_EQ(search.runner->rate(), 0.1);
}

TEST(LineSearch, GrowsFromItsLastRateAndGoesOnFromSavedState) {
  Search first(8, {{"growth", "1.5"}}), second(8, {{"growth", "1.5"}});
  first.runner->step(first.step);
  State state;
  first.runner->save_state(state);
  second.runner->load_state(state);
  for (auto* search : {&first, &second}) {
    at::NoGradGuard no_graph;
    search->w.fill_(1);
  }
  first.runner->step(first.step);
  second.runner->step(second.step);
  EXPECT_DOUBLE_EQ(first.runner->rate(), 0.1875);  // 1.5 times 1/8 is still below 0.225
  EXPECT_EQ(second.runner->rate(), first.runner->rate());
  EXPECT_EQ(second.value(), first.value());
}

TEST(LineSearch, EndsAfterItsTries) {
  Search search(1000, {{"tries", "2"}});
  search.runner->step(search.step);
  EXPECT_DOUBLE_EQ(search.runner->rate(), 0.25);
  EXPECT_EQ(search.step.evaluations(), 1 + 2);
}
}  // namespace
