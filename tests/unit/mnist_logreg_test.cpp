// SPDX-License-Identifier: MIT
// What the original prints before training at batch size 3: loss 2.30259 on all three sets, test accuracy 0.098010.
#include <backobs/problem.h>

#include "data/data_sets.h"
#include "data/locate.h"
#include "host/registry.h"
#include "walk/pass.h"

#include <gtest/gtest.h>

#include <cmath>

namespace backobs {
namespace {

constexpr int64_t kBatchSize = 3;

/// Means over the full batches of a phase.
Evaluation evaluate(const Problem& problem, Phase phase, const DataRequest& request) {
  const auto source = problem.data(request);
  const Network net = problem.network(Random(42));
  const Pass pass(net, problem.loss(), {});
  const auto order = source->order(phase, Random(42));
  Evaluation sum;
  int64_t batches = 0;
  for (auto first = order.begin(); order.end() - first >= kBatchSize; first += kBatchSize, ++batches) {
    const Evaluation one = pass.evaluate(source->batch(phase, {first, first + kBatchSize}, Random(42)), {});
    sum.loss += one.loss;
    sum.accuracy += one.accuracy;
  }
  return {sum.loss / static_cast<double>(batches), sum.accuracy / static_cast<double>(batches)};
}

TEST(MnistLogreg, StatesWhatDeepobsStates) {
  const auto problem = Registry({BACKOBS_BUILD_DIR "/plugins"}).make_problem("mnist_logreg", Options());
  EXPECT_EQ(problem->facts().batch_size, 128);
  EXPECT_EQ(problem->facts().epochs, 50);
  EXPECT_EQ(problem->facts().data_set, "mnist");
  EXPECT_FALSE(problem->is_regularised("dense.weight"));
}

TEST(MnistLogreg, BeforeTraining) {
  if (!locate(data_set("mnist"), {})) GTEST_SKIP() << "mnist is not on this machine";
  const auto problem = Registry({BACKOBS_BUILD_DIR "/plugins"}).make_problem("mnist_logreg", Options());
  for (const Phase phase : {Phase::train_eval, Phase::valid, Phase::test})
    EXPECT_NEAR(evaluate(*problem, phase, {}).loss, std::log(10.0), 1e-6) << to_string(phase);
  EXPECT_NEAR(evaluate(*problem, Phase::test, {}).accuracy, 980.0 / 9999, 1e-9);
}

TEST(MnistLogreg, LossBeforeTrainingHoldsForAnyImages) {
  DataRequest request;
  request.source = Source::synthetic;
  const auto problem = Registry({BACKOBS_BUILD_DIR "/plugins"}).make_problem("mnist_logreg", Options());
  for (const Phase phase : {Phase::train, Phase::train_eval, Phase::valid, Phase::test})
    EXPECT_NEAR(evaluate(*problem, phase, request).loss, std::log(10.0), 1e-6) << to_string(phase);
}

}  // namespace
}  // namespace backobs
