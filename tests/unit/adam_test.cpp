// SPDX-License-Identifier: MIT
#include "bowl_training.h"

#include <backobs/error.h>

#include <gtest/gtest.h>
#include <torch/optim/adam.h>

#include <cmath>

namespace backobs {
namespace {

struct Training : BowlTraining {
  explicit Training(const std::map<std::string, Option::Value>& options, double start = 1)
      : BowlTraining("adam", options, start) {}
};

TEST(Adam, FollowsTheFormula) {
  Training training({{"lr", 0.1}, {"betas", std::vector<double>{0.8, 0.95}}, {"eps", 0.01}});
  double w = 1, m = 0, v = 0;
  for (int t = 1; t <= 6; ++t) {
    m = 0.8 * m + 0.2 * w;
    v = 0.95 * v + 0.05 * w * w;
    w -= 0.1 * (m / (1 - std::pow(0.8, t))) / (std::sqrt(v / (1 - std::pow(0.95, t))) + 0.01);
    training.step();
    EXPECT_NEAR(training.value(), w, 1e-13) << "step " << t;
  }
  EXPECT_TRUE(training.frozen.equal(at::ones({2}, at::kDouble)));
  EXPECT_EQ(training.runner->optimizer_name(), "Adam");
}

TEST(Adam, HasTheDefaultsOfTorch) {
  Training training({});
  EXPECT_DOUBLE_EQ(training.runner->rate(), 0.001);
  auto w = at::full({2}, 1, at::kDouble).requires_grad_(true);
  torch::optim::Adam torch_adam({w});
  for (int t = 0; t < 5; ++t) {
    w.mutable_grad() = w.detach().clone();
    torch_adam.step();
    training.step();
    EXPECT_EQ(training.value(), w.detach()[0].item<double>()) << "step " << t;
  }
}

TEST(Adam, TakesFactorsRelativeToTheBaseRate) {
  Training training({{"lr", 0.5}, {"eps", 0.0}});
  training.runner->set_rate_factor(0.1);
  EXPECT_DOUBLE_EQ(training.runner->rate(), 0.05);
  training.step();  // the first step is lr times the sign of the gradient
  EXPECT_DOUBLE_EQ(training.value(), 0.95);
}

TEST(Adam, GoesOnFromSavedStateAsIfNothingHadHappened) {
  Training first({{"lr", 0.1}});
  first.runner->set_rate_factor(0.5);
  first.step();
  first.step();
  State state;
  first.runner->save_state(state);
  EXPECT_EQ(state.integer("step/dense.weight"), 2);
  ASSERT_TRUE(state.has("exp_avg/dense.weight") && state.has("exp_avg_sq/dense.weight"));
  EXPECT_EQ(state.values().size(), 4u) << "a frozen parameter has no state";
  Training second({{"lr", 0.1}}, first.value());
  second.runner->load_state(state);
  EXPECT_EQ(second.runner->rate(), first.runner->rate());
  for (int t = 0; t < 3; ++t) {
    first.step();
    second.step();
    EXPECT_EQ(second.value(), first.value());
  }
}

TEST(Adam, RefusesWhatHasNoMeaning) {
  EXPECT_THROW(Training({{"lr", -1.0}}), ConfigError);
  EXPECT_THROW(Training({{"betas", std::vector<double>{0.9}}}), ConfigError);
  EXPECT_THROW(Training({{"betas", std::vector<double>{0.9, 1.0}}}), ConfigError);
}

}  // namespace
}  // namespace backobs
