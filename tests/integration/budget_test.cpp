// SPDX-License-Identifier: MIT
// Extensions with a share of the training's time, in real runs.
#include "integration/program.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace backobs::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// What a metrics log says of 500 steps, of which some were chosen.
struct Journal {
  std::vector<double> times;  ///< when each step's loss was written
  std::vector<int64_t> chosen;
  double overhead = 0;  ///< as the program counts it, at the end
  std::size_t values = 0;  ///< rows of the extension
  std::string others;      ///< the rest, without times
};

Journal journal(const fs::path& file) {
  Journal all;
  std::istringstream lines(text_of(file));
  for (std::string line; std::getline(lines, line);) {
    const json row = json::parse(line);
    const std::string metric = row["metric"];
    if (metric == "mc.overhead") {
      all.chosen.push_back(row["step"]);
      all.overhead = row["value"];
    } else if (metric.rfind("mc.", 0) == 0) {
      ++all.values;
    } else {
      if (row["split"] == "train") all.times.push_back(row["wall_time"]);
      all.others += line.substr(0, line.find(",\"wall_time\"")) + "\n";
    }
  }
  return all;
}

/// The share that the chosen steps took, from times alone; the first step warms up.
double measured(const Journal& all) {
  std::vector<bool> is_chosen(all.times.size(), false);
  for (const int64_t step : all.chosen) is_chosen[static_cast<std::size_t>(step)] = true;
  double chosen = 0, free = 0;
  std::size_t free_steps = 0;
  for (std::size_t i = 1; i < all.times.size(); ++i) {
    (is_chosen[i] ? chosen : free) += all.times[i] - all.times[i - 1];
    free_steps += is_chosen[i] ? 0 : 1;
  }
  const double plain = free / static_cast<double>(free_steps);
  return (chosen - static_cast<double>(all.chosen.size()) * plain) / (static_cast<double>(all.times.size() - 1) * plain);
}

class BudgetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(folder() / "c.yaml")
        << "campaign: c\nexperiments:\n  - problem: fmnist_mlp\n    source: synthetic\n"
           "    runner: {name: sgd, lr: 0.01, epochs: 1, batch_size: 10, log_interval: 1}\n"
           "    extensions: [{name: diag_ggn_mc, as: mc, budget: 10%, record: [mean, max]}]\n";
  }
  const fs::path& folder() const { return temporary_.path(); }
  fs::path metrics(const std::string& output) const {
    return fs::directory_iterator(folder() / output / "c/runs")->path() / "metrics.ndjson";
  }

 private:
  TemporaryFolder temporary_;
};

TEST_F(BudgetTest, IsHeldOverFiveHundredSteps) {
  const Answer answer = backobs(folder(), "run c.yaml --output out --threads 1");
  ASSERT_EQ(answer.code, 0) << answer.err;
  const Journal all = journal(metrics("out"));
  ASSERT_EQ(all.times.size(), 500u);
  EXPECT_NEAR(all.overhead, 0.1, 0.03);
  EXPECT_NEAR(measured(all), 0.1, 0.03);
  EXPECT_EQ(all.values, all.chosen.size() * 16);  // eight parameters, two reductions
  EXPECT_EQ(backobs(folder(), "export out/c --format csv --to out.csv").code, 0);
  EXPECT_NE(text_of(folder() / "out.csv").find(",mc.overhead,"), std::string::npos);
  EXPECT_NE(text_of(folder() / "out.csv").find(",10%,"), std::string::npos);
}

TEST_F(BudgetTest, InterruptedItIsHeldAllTheSameAndNothingElseChanges) {
  ASSERT_EQ(backobs(folder(), "run c.yaml --output whole --threads 1").code, 0);
  Started started(folder(), {"run", "c.yaml", "--output", "out", "--threads", "1", "--checkpoint-every", "0"});
  for (int i = 0; i < 6000 && !fs::exists(folder() / "out/c/runs"); ++i) ::usleep(10000);
  const auto has_checkpoint = [&] {
    for (const auto& entry : fs::recursive_directory_iterator(folder() / "out/c/runs"))
      if (entry.path().filename().string().rfind("checkpoint-", 0) == 0) return true;
    return false;
  };
  for (int i = 0; i < 6000 && !has_checkpoint() && !started.has_ended(); ++i) ::usleep(10000);
  ::usleep(500000);
  started.kill(SIGTERM);
  ASSERT_EQ(started.wait().code, 75) << started.wait().err;
  const Answer answer = backobs(folder(), "run c.yaml --output out --threads 1");
  ASSERT_EQ(answer.code, 0) << answer.err;
  const Journal whole = journal(metrics("whole")), all = journal(metrics("out"));
  EXPECT_TRUE(all.others == whole.others);
  EXPECT_NEAR(all.overhead, 0.1, 0.03);
}

TEST_F(BudgetTest, PlanSaysWhatItMeans) {
  const Answer text = backobs(folder(), "plan c.yaml");
  EXPECT_NE(text.out.find("+ mc (diag_ggn_mc) budget 10%"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("a clock chooses the steps of mc: the promise of identical bytes does not hold"), std::string::npos);
  const json plan = json::parse(backobs(folder(), "plan c.yaml --json").out);
  EXPECT_EQ(plan["runs"][0]["chosen_by_clock"], json::array({"mc"}));
  EXPECT_EQ(plan["runs"][0]["settings"]["extensions"][0]["budget"], "10%");
}

}  // namespace
}  // namespace backobs::testing
