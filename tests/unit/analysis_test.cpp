// SPDX-License-Identifier: MIT
#include "report/analysis.h"

#include "campaign/step_times.h"
#include "unit/temporary_folder.h"

#include <backobs/error.h>

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

namespace backobs {
namespace {

using Curve = std::vector<double>;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// A run of two epochs with these accuracies on both sets; losses are what is missing to 1.
AnalysedRun run(const std::string& lr, const Curve& accuracy, const std::string& problem = "p") {
  AnalysedRun one;
  one.id = lr + "-" + std::to_string(accuracy.back());
  one.problem = problem;
  one.runner = "sgd";
  one.settings = {{"lr", lr}, {"epochs", "2"}};
  one.epochs = 2;
  for (const std::string set : {"valid", "test"}) {
    one.curves[set + " accuracy"] = accuracy;
    for (const double value : accuracy) one.curves[set + " loss"].push_back(1 - value);
  }
  return one;
}

/// Three settings: one with the best epoch, one with the best end, one with the most seeds.
std::vector<AnalysedRun> three_settings() {
  return {run("0.1", {0.1, 0.5, 0.6}),  run("0.1", {0.1, 0.7, 0.4}),  run("0.2", {0.1, 0.2, 0.55}),
          run("0.3", {0.1, 0.2, 0.28}), run("0.3", {0.1, 0.2, 0.32}), run("0.3", {0.1, 0.2, 0.3})};
}

std::map<std::string, int64_t> ranks(const std::vector<Setting>& settings, const std::string& by) {
  std::map<std::string, int64_t> all;
  for (const Setting& one : settings) all[one.name] = one.rank.at(by);
  return all;
}

TEST(Analysis, RunsOfOneSettingAreSummedUpOverSeeds) {
  const auto settings = analyse(three_settings(), "", {});
  ASSERT_EQ(settings.size(), 3u);
  EXPECT_EQ(settings[0].name, "lr=0.1");
  EXPECT_EQ(settings[0].runs.size(), 2u);
  EXPECT_EQ(settings[0].ranked_by, "valid accuracy");
  EXPECT_EQ(settings[0].performance_of, "test accuracy");
  const SeedSummary& accuracy = settings[0].metrics.at("test accuracy");
  EXPECT_NEAR(*accuracy.final, 0.5, 1e-12);
  EXPECT_NEAR(*accuracy.final_std, 0.1, 1e-12);
  EXPECT_NEAR(*accuracy.best, 0.6, 1e-12);
  EXPECT_EQ(accuracy.best_epoch, 1);
  EXPECT_NEAR(*settings[0].metrics.at("test loss").best, 0.4, 1e-12);
}

TEST(Analysis, RanksByTheEndTheBestEpochOrTheMostSeeds) {
  using Ranks = std::map<std::string, int64_t>;
  for (const char* metric : {"", "valid loss", "test accuracy"}) {
    const auto settings = analyse(three_settings(), metric, {});
    EXPECT_EQ(ranks(settings, "final"), (Ranks{{"lr=0.2", 1}, {"lr=0.1", 2}, {"lr=0.3", 3}})) << metric;
    EXPECT_EQ(ranks(settings, "best"), (Ranks{{"lr=0.1", 1}, {"lr=0.2", 2}, {"lr=0.3", 3}})) << metric;
    EXPECT_EQ(ranks(settings, "most"), (Ranks{{"lr=0.3", 1}, {"lr=0.1", 2}, {"lr=0.2", 3}})) << metric;
  }
}

TEST(Analysis, SpeedIsTheFirstEpochThatReachesThePerformance) {
  const auto settings = analyse(three_settings(), "", {{"p", 0.65}, {"q", 0.1}});
  EXPECT_EQ(settings[0].reached, 1);
  EXPECT_EQ(*settings[0].speed, 2);  // one after 1 epoch, one never: 3
  EXPECT_EQ(settings[1].reached, 0);
  EXPECT_EQ(*settings[1].speed, 3);
  EXPECT_FALSE(analyse(three_settings(), "", {{"q", 0.1}})[0].speed.has_value());
}

/// Losses are reached from above, and stand in where there is no accuracy.
TEST(Analysis, LossesStandInForAccuracies) {
  auto runs = three_settings();
  for (auto& one : runs)
    for (const char* metric : {"valid accuracy", "test accuracy"}) one.curves.erase(metric);
  const auto settings = analyse(runs, "test accuracy", {{"p", 0.41}});
  EXPECT_EQ(settings[0].ranked_by, "test loss");
  EXPECT_EQ(settings[0].performance_of, "test loss");
  EXPECT_EQ(settings[0].rank.at("best"), 1);
  EXPECT_EQ(*settings[0].speed, (2 + 1) / 2.0);  // losses 0.4 at the end, 0.3 after an epoch
  EXPECT_EQ(settings[0].reached, 2);
}

TEST(Analysis, AnExtensionThatSomeHaveIsNamedOnce) {
  auto runs = three_settings();
  runs[0].settings["mc.plugin"] = "diag_ggn_mc";
  runs[0].settings["mc.every"] = "3";
  EXPECT_EQ(analyse(runs, "", {})[0].name, "lr=0.1 with mc");
  EXPECT_EQ(analyse(runs, "", {})[1].name, "lr=0.1");
  runs[1].settings["mc.plugin"] = "diag_ggn_mc";
  runs[1].settings["mc.every"] = "4";
  EXPECT_EQ(analyse(runs, "", {})[1].name, "lr=0.1 mc.every=4 with mc");
  runs.push_back(run("0.1", {0, 0, 0}));
  runs.back().runner = "adam";
  runs.back().settings["eps"] = "1e-08";
  EXPECT_EQ(analyse(runs, "", {}).back().name, "lr=0.1");  // an option that no other run could have
}

TEST(Analysis, ProblemsAreRankedApartAndNoNumberComesLast) {
  auto runs = three_settings();
  runs[2].curves["valid accuracy"].back() = kNan;
  runs.push_back(run("0.5", {0, 0, 0.01}, "other"));
  const auto settings = analyse(runs, "", {});
  ASSERT_EQ(settings.size(), 4u);
  EXPECT_EQ(settings[1].rank.at("final"), 3);
  EXPECT_FALSE(settings[1].metrics.at("valid accuracy").final.has_value());
  EXPECT_EQ(settings[3].problem, "other");
  EXPECT_EQ(settings[3].rank.at("final"), 1);
  EXPECT_EQ(settings[3].name, "");  // nothing varies
}

/// As DeepOBS's file has it.
TEST(Analysis, BehindADivergenceStandsTheInitialEvaluation) {
  FinishedRun finished;
  finished.id = "a";
  finished.record = {{"state", "diverged"},
                     {"settings", {{"problem", "p"}, {"runner", "sgd"}, {"epochs", 3}, {"extensions", nlohmann::ordered_json::array()}}}};
  const EpochCurves logged = {{"test loss", {2.5, 1.5}}};
  EXPECT_EQ(analysed(finished, logged).curves.at("test loss"), (Curve{2.5, 1.5, 2.5, 2.5}));
  EXPECT_TRUE(analysed(finished, logged).diverged);
  finished.record["state"] = "done";
  EXPECT_EQ(analysed(finished, logged).curves.at("test loss"), (Curve{2.5, 1.5}));  // it ended early
}

TEST(Analysis, ConvergencePerformancesAreThePublishedOrThoseOfAFile) {
  const auto published = published_convergence();
  EXPECT_EQ(published.size(), 7u);
  EXPECT_NEAR(published.at("quadratic_deep"), 87.70315464772136 / 50, 1e-12);
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "c.json";
  std::ofstream(file) << "{\"p\": 0.5}";
  EXPECT_EQ(read_convergence(file), (std::map<std::string, double>{{"p", 0.5}}));
  std::ofstream(file) << "{\"p\": \"high\"}";
  EXPECT_THROW(read_convergence(file), UsageError);
  std::ofstream(file) << "[1]";
  EXPECT_THROW(read_convergence(file), UsageError);
  EXPECT_THROW(read_convergence(folder.path() / "nowhere.json"), UsageError);
}

nlohmann::ordered_json timed(int64_t batch_size, const std::string& steps) {
  return {{"settings", {{"problem", "p"}, {"runner", "sgd"}, {"batch_size", batch_size}, {"threads", 1}, {"dtype", "float32"}}},
          {"durations", {{"steps", nlohmann::ordered_json::parse(steps)}}}};
}

TEST(StepCosts, StandBesideStepsOfRunsAlikeWithoutExtensions) {
  const auto costs = step_costs({timed(8, R"([{"extensions": ["mc", "variance"], "steps": 2, "seconds": 1.0}])"),
                                 timed(8, R"([{"extensions": [], "steps": 10, "seconds": 1.0}])"),
                                 timed(8, R"([{"extensions": ["mc", "variance"], "steps": 2, "seconds": 3.0}])"),
                                 timed(9, R"([{"extensions": ["mc"], "steps": 1, "seconds": 1.0}])")});
  ASSERT_EQ(costs.size(), 3u);
  EXPECT_EQ(costs[0].extensions, "mc, variance");
  EXPECT_EQ(costs[0].steps, 4);
  EXPECT_EQ(costs[0].seconds, 4);
  EXPECT_NEAR(*costs[0].plain, 0.1, 1e-12);
  EXPECT_EQ(costs[1].extensions, "");
  EXPECT_EQ(costs[2].batch_size, "9");
  EXPECT_FALSE(costs[2].plain.has_value());
}

TEST(StepTimes, SumUpByWhatWasDueAndGoOnAfterARestart) {
  Watched rare, chosen;
  rare.instance.name = "b";
  rare.every = 2;
  chosen.instance.name = "a";
  chosen.budget = 10;
  StepTimes times({rare, chosen});
  double now = 0;
  const auto step = [&](int64_t number, double seconds, const std::string& budgeted) {
    times.begin(now);
    times.end(now += seconds, number, budgeted);
  };
  step(0, 100, "");  // warms up
  step(1, 1, "");
  step(2, 2, "");
  step(3, 1, "");
  step(4, 5, "a");
  State state;
  times.save(state);
  times = StepTimes({rare, chosen});
  times.load(state);
  step(5, 100, "a");  // warms up again
  step(6, 3, "");
  step(7, 4, "a");
  const auto& sums = times.sums();
  ASSERT_EQ(sums.size(), 4u);
  EXPECT_EQ(sums.at("").steps, 2);
  EXPECT_NEAR(sums.at("").seconds, 2, 1e-9);
  EXPECT_EQ(sums.at("b").steps, 2);
  EXPECT_NEAR(sums.at("b").seconds, 5, 1e-9);
  EXPECT_NEAR(sums.at("a,b").seconds, 5, 1e-9);
  EXPECT_NEAR(sums.at("a").seconds, 4, 1e-9);
}

}  // namespace
}  // namespace backobs
