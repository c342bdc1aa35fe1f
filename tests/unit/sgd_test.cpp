// SPDX-License-Identifier: MIT
#include "bowl_training.h"

#include <backobs/error.h>

#include <gtest/gtest.h>

namespace backobs {
namespace {

struct Training : BowlTraining {
  explicit Training(const std::map<std::string, Option::Value>& options, double start = 1)
      : BowlTraining("sgd", options, start) {}
};

TEST(Sgd, StepsAgainstTheGradientAndLeavesFrozenParametersAlone) {
  Training training({{"lr", 0.1}});
  EXPECT_DOUBLE_EQ(training.step(), 1);  // the loss before the step
  EXPECT_DOUBLE_EQ(training.value(), 0.9);
  EXPECT_TRUE(training.frozen.equal(at::ones({2}, at::kDouble)));
  EXPECT_EQ(training.runner->optimizer_name(), "SGD");
}

TEST(Sgd, KeepsMomentum) {
  Training plain({{"lr", 0.1}, {"momentum", 0.9}});
  double w = 1, v = 0;
  for (int i = 0; i < 5; ++i) {
    v = 0.9 * v + w;
    w -= 0.1 * v;
    plain.step();
    EXPECT_NEAR(plain.value(), w, 1e-14);
  }
  Training nesterov({{"lr", 0.1}, {"momentum", 0.9}, {"nesterov", true}});
  w = 1, v = 0;
  for (int i = 0; i < 5; ++i) {
    v = 0.9 * v + w;
    w -= 0.1 * (w + 0.9 * v);
    nesterov.step();
    EXPECT_NEAR(nesterov.value(), w, 1e-14);
  }
}

TEST(Sgd, TakesFactorsRelativeToTheBaseRate) {
  Training training({{"lr", 0.5}});
  training.runner->set_rate_factor(0.1);
  EXPECT_DOUBLE_EQ(training.runner->rate(), 0.05);
  training.runner->set_rate_factor(0.01);
  EXPECT_DOUBLE_EQ(training.runner->rate(), 0.005);
  training.step();
  EXPECT_DOUBLE_EQ(training.value(), 0.995);
}

TEST(Sgd, GoesOnFromSavedStateAsIfNothingHadHappened) {
  Training first({{"lr", 0.1}, {"momentum", 0.9}});
  first.runner->set_rate_factor(0.5);
  first.step();
  first.step();
  State state;
  first.runner->save_state(state);
  ASSERT_TRUE(state.has("momentum_buffer/dense.weight"));
  EXPECT_FALSE(state.has("momentum_buffer/frozen.weight"));
  EXPECT_EQ(state.values().size(), 2u);
  Training second({{"lr", 0.1}, {"momentum", 0.9}}, first.value());
  second.runner->load_state(state);
  EXPECT_EQ(second.runner->rate(), first.runner->rate());
  first.step();
  second.step();
  EXPECT_EQ(second.value(), first.value());
  State again, untouched;
  second.runner->save_state(again);
  first.runner->save_state(untouched);
  EXPECT_TRUE(again.tensor("momentum_buffer/dense.weight").equal(untouched.tensor("momentum_buffer/dense.weight")));
}

TEST(Sgd, RefusesWhatHasNoMeaning) {
  EXPECT_THROW(Training({{"momentum", 0.9}}), ConfigError);  // no lr
  EXPECT_THROW(Training({{"lr", -1.0}}), ConfigError);
  EXPECT_THROW(Training({{"lr", 1.0}, {"nesterov", true}}), ConfigError);
}

}  // namespace
}  // namespace backobs
