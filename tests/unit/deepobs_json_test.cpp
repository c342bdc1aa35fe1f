// SPDX-License-Identifier: MIT
#include "campaign/deepobs_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace backobs {
namespace {

RunSettings settings() {
  RunSettings run;
  run.problem.name = "fmnist_logreg";
  run.runner = {"sgd", Options({{"lr", 0.1}, {"momentum", 0.0}, {"nesterov", false}})};
  run.loop.epochs = 1;
  run.loop.batch_size = 128;
  return run;
}

Curves curves() {
  Curves all;
  all.has_accuracy = true;
  all.epochs = {{{2.5, 0.125}, {2.25, 0.0}, {2.0, 0.25}}, {{1e-5, 0.5}, {1.0, 0.75}, {std::nan(""), 1.0}}};
  all.minibatch_losses = {2.302584171295166, std::numeric_limits<double>::infinity()};
  return all;
}

TEST(DeepobsJson, WritesFolderNumbersAsDeepobsDoes) {
  EXPECT_EQ(folder_number(0.1), "1.e-01");
  EXPECT_EQ(folder_number(0.99), "9.9e-01");
  EXPECT_EQ(folder_number(0.0), "0.e+00");
  EXPECT_EQ(folder_number(0.01584893192461113), "1.5848931925e-02");
  EXPECT_EQ(folder_number(100.0), "1.e+02");
  EXPECT_EQ(folder_number(1e-100), "1.e-100");
}

TEST(DeepobsJson, NamesSettingFolders) {
  RunSettings run = settings();
  EXPECT_EQ(setting_folder(run), "num_epochs__1__batch_size__128__lr__1.e-01__momentum__0.e+00__nesterov__False");
  run.loop.l2_reg_given = true;
  run.loop.l2_reg = 0.002;
  run.loop.lr_sched_epochs = {50, 100};
  run.loop.lr_sched_factors = {0.1, 0.01};
  run.runner.options = Options({{"lr", 0.1}, {"nesterov", true}});
  EXPECT_EQ(setting_folder(run),
            "num_epochs__1__batch_size__128__l2_reg__2.e-03__lr__1.e-01__nesterov__True"
            "__lr_sched_epochs__[50, 100]__lr_sched_factors__[0.1, 0.01]");
  run.runner.options = Options({{"mode", std::string("../x")}});
  EXPECT_EQ(setting_folder(run).find('/'), std::string::npos);
}

TEST(DeepobsJson, NamesFilesByLocalStart) {
  setenv("TZ", "UTC", 1);
  tzset();
  EXPECT_EQ(deepobs_path(settings(), "SGD", 1706745540).string(),
            "fmnist_logreg/SGD/" + setting_folder(settings()) + "/random_seed__42__2024-01-31-23-59-00.json");
}

// Expected text: json.dump(..., indent=4) of Python 3 on the same values.
TEST(DeepobsJson, IsWhatPythonWrites) {
  EXPECT_EQ(deepobs_json(settings(), "SGD", curves()), R"({
    "testproblem": "fmnist_logreg",
    "batch_size": 128,
    "num_epochs": 1,
    "random_seed": 42,
    "l2_reg": null,
    "optimizer_name": "SGD",
    "optimizer_hyperparams": {
        "lr": 0.1,
        "momentum": 0.0,
        "nesterov": false
    },
    "training_params": {},
    "train_losses": [
        2.5,
        1e-05
    ],
    "valid_losses": [
        2.25,
        1.0
    ],
    "test_losses": [
        2.0,
        NaN
    ],
    "minibatch_train_losses": [
        2.302584171295166,
        Infinity
    ],
    "train_accuracies": [
        0.125,
        0.5
    ],
    "valid_accuracies": [
        0.0,
        0.75
    ],
    "test_accuracies": [
        0.25,
        1.0
    ]
})");
}

TEST(DeepobsJson, GivesScheduleAndPenaltyWhenTheyAreSet) {
  RunSettings run = settings();
  run.loop.l2_reg_given = true;
  run.loop.lr_sched_epochs = {50};
  run.loop.lr_sched_factors = {0.1};
  Curves none;
  const std::string text = deepobs_json(run, "SGD", none);
  EXPECT_NE(text.find("\"l2_reg\": 0.0,"), std::string::npos);
  EXPECT_NE(text.find("    \"training_params\": {\n        \"lr_sched_epochs\": [\n            50\n        ],\n"
                      "        \"lr_sched_factors\": [\n            0.1\n        ]\n    },\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\"minibatch_train_losses\": []\n}"), std::string::npos) << "no accuracies where there are none";
}

TEST(DeepobsJson, PrintsEvaluations) {
  EXPECT_EQ(evaluation_text({{2.302585, 0.10461}, {2.302585, 0}, {7.0689412, 0.09801}}, 0, 100),
            "********************************\nEvaluating after 0 of 100 epochs...\nTRAIN: loss 2.30259, acc 0.104610\n"
            "VALID: loss 2.30259\nTEST: loss 7.06894, acc 0.098010\n********************************\n");
  EXPECT_EQ(rate_text(0.01), "Setting learning rate to [0.01]\n");
}

TEST(Curves, AreFilledAfterDivergenceAsDeepobsDoes) {
  Curves all;
  all.epochs = {{{1, 0.1}, {2, 0.2}, {3, 0.3}}, {{4, 0.4}, {5, 0.5}, {6, 0.6}}};
  all.minibatch_losses = {9, 8, std::nan("")};
  all.fill_after_divergence(1, 4);
  ASSERT_EQ(all.epochs.size(), 5u);
  for (std::size_t i : {2u, 3u, 4u}) {
    EXPECT_EQ(all.epochs[i].train.loss, 1);
    EXPECT_EQ(all.epochs[i].test.accuracy, 0.3);
  }
  ASSERT_EQ(all.minibatch_losses.size(), 6u);
  EXPECT_EQ(all.minibatch_losses.back(), 9);
}

}  // namespace
}  // namespace backobs
