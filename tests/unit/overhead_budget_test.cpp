// SPDX-License-Identifier: MIT
// A budget is held on a clock that is played: steps and extensions take what the test says.
#include "campaign/overhead_budget.h"

#include <gtest/gtest.h>

#include <random>

namespace backobs {
namespace {

Watched with_budget(const std::string& name, double percent) {
  Watched one;
  one.instance.name = name;
  one.budget = percent;
  return one;
}

Watched with_period(const std::string& name, int64_t every) {
  Watched one;
  one.instance.name = name;
  one.every = every;
  return one;
}

/// A training whose steps take about a second, and its extensions as long as `costs` says.
struct Played {
  Played(std::vector<Watched> some, std::map<std::string, double> takes) : watched(std::move(some)), costs(std::move(takes)) {}

  std::unique_ptr<OverheadBudget> make() {
    return std::make_unique<OverheadBudget>(watched, [this] { return now; });
  }
  void play(int64_t first, int64_t last) {
    std::uniform_real_distribution<double> noise(0.8, 1.2);
    for (int64_t step = first; step < last; ++step) {
      const std::string chosen = budget->begin(step);
      double plain = noise(random) * (step == first ? 5 : 1) * speed;
      for (const Watched& one : watched)
        if (one.budget <= 0 && step % one.every == 0) plain += costs.at(one.instance.name) * speed;
      const double extra = chosen.empty() ? 0 : noise(random) * costs.at(chosen) * speed * (uses[chosen] ? 1 : first_use);
      now += plain + extra;
      budget->end();
      if (step != first) without += plain;  // the first warms up
      with[chosen] += extra;
      if (!chosen.empty()) ++uses[chosen];
    }
  }
  double share(const std::string& name) const { return with.at(name) / without; }

  std::vector<Watched> watched;
  std::map<std::string, double> costs;
  double now = 100, first_use = 1, speed = 1;
  std::unique_ptr<OverheadBudget> budget = make();
  std::mt19937_64 random{7};
  double without = 0;
  std::map<std::string, double> with;
  std::map<std::string, int64_t> uses;
};

TEST(OverheadBudget, IsHeldForCheapAndDearExtensions) {
  for (const double percent : {5.0, 10.0, 30.0})
    for (const double cost : {0.4, 1.0, 4.0, 20.0}) {
      Played training({with_budget("a", percent)}, {{"a", cost}});
      training.play(0, 500);
      EXPECT_NEAR(training.share("a"), percent / 100, 0.03) << percent << "% of steps with " << cost;
      EXPECT_NEAR(training.budget->overhead("a"), training.share("a"), 0.02);
    }
}

TEST(OverheadBudget, ADearFirstUseIsPaidBack) {
  Played training({with_budget("a", 10)}, {{"a", 1}});
  training.first_use = 10;
  training.play(0, 500);
  EXPECT_NEAR(training.share("a"), 0.1, 0.03);
}

TEST(OverheadBudget, FollowsAMachineThatGetsBusier) {
  Played training({with_budget("a", 10)}, {{"a", 0.5}});
  training.play(0, 250);
  training.speed = 3;
  training.play(250, 750);
  EXPECT_NEAR(training.share("a"), 0.1, 0.03);
}

TEST(OverheadBudget, WhatCostsLessThanItsShareIsDueAsOftenAsMayBe) {
  Played training({with_budget("a", 50)}, {{"a", 0.01}});
  training.play(0, 500);
  EXPECT_GT(training.uses["a"], 450);
  EXPECT_LT(training.uses["a"], 480);  // every sixteenth is free
}

TEST(OverheadBudget, SeveralHaveAccountsOfTheirOwn) {
  Played training({with_budget("a", 5), with_budget("b", 20), with_period("c", 10)}, {{"a", 0.5}, {"b", 2}, {"c", 8}});
  training.play(0, 500);
  EXPECT_NEAR(training.share("a"), 0.05, 0.03);
  EXPECT_NEAR(training.share("b"), 0.2, 0.03);
}

TEST(OverheadBudget, StepsAreComparedWithThoseThatHaveTheSameOthers) {
  // Steps at which the other one is due take ten times as long; taken for extra time they would end all uses.
  Played training({with_budget("a", 10), with_period("c", 2)}, {{"a", 0.5}, {"c", 9}});
  training.play(0, 500);
  EXPECT_NEAR(training.share("a"), 0.1, 0.03);
}

TEST(OverheadBudget, GoesOnInAnotherProcess) {
  Played training({with_budget("a", 10), with_period("c", 3)}, {{"a", 2}, {"c", 1}});
  training.play(0, 100);
  State state;
  training.budget->save(state);
  const double before = training.budget->overhead("a");
  const int64_t uses = training.uses["a"];
  training.budget = training.make();
  training.budget->load(state);
  EXPECT_EQ(training.budget->overhead("a"), before);
  training.play(100, 500);
  EXPECT_NEAR(training.share("a"), 0.1, 0.03);
  EXPECT_GT(training.uses["a"], uses + 10);
}

TEST(OverheadBudget, NobodyLooksAtAClockWithoutBudgets) {
  OverheadBudget none({with_period("c", 1)}, []() -> double { throw std::logic_error("looked"); });
  EXPECT_EQ(none.begin(0), "");
  none.end();
  State state;
  none.save(state);
  EXPECT_TRUE(state.values().empty());
}

}  // namespace
}  // namespace backobs
