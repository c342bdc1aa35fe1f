// SPDX-License-Identifier: MIT
// Campaigns through the built program, on synthetic data.
#include "data/pt_file.h"
#include "integration/program.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <sstream>
#include <tuple>

namespace backobs::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class CampaignTest : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(folder() / "c.yaml") << text; }
  const fs::path& folder() const { return temporary_.path(); }
  Answer run(const std::string& more = "") { return backobs(folder(), "run c.yaml --output out --threads 1 " + more); }

  std::vector<json> records() const {
    std::vector<json> all;
    for (const auto& entry : fs::directory_iterator(folder() / "out/c/runs"))
      all.push_back(json::parse(text_of(entry.path() / "run.json")));
    return all;
  }
  std::vector<fs::path> files(const fs::path& under, const std::string& ending) const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::recursive_directory_iterator(under))
      if (entry.is_regular_file() && entry.path().extension() == ending) all.push_back(entry.path());
    return all;
  }

 private:
  TemporaryFolder temporary_;
};

const char* const kGrid =
    "campaign: c\nexperiments:\n  - problem: fmnist_logreg\n    source: synthetic\n"
    "    runner: {name: sgd, lr: [0.1, 0.01], epochs: 2, batch_size: 100, max_steps: 11}\n    seeds: [42, 43]\n"
    "    extensions:\n      - grad_batch\n      - {name: variance, every: 5, record: [mean, norm]}\n";

TEST_F(CampaignTest, RunsAGridAndReusesIt) {
  write(kGrid);
  const Answer first = run("--json");
  ASSERT_EQ(first.code, 0) << first.err;
  const json summary = json::parse(first.out);
  ASSERT_EQ(summary["runs"].size(), 4u);
  for (const auto& one : summary["runs"]) EXPECT_EQ(one["state"], "done");
  EXPECT_EQ(summary["folder"], "out/c");

  std::set<std::pair<double, int>> cells;
  for (const json& record : records()) {
    cells.emplace(record["settings"]["runner_options"]["lr"], record["settings"]["seed"]);
    EXPECT_EQ(record["state"], "done");
    EXPECT_EQ(record["settings"]["threads"], 1);
    EXPECT_EQ(record["settings"]["source"], "synthetic");
    EXPECT_EQ(record["settings"]["log_interval"], 10);
    EXPECT_EQ(record["versions"]["plugins"].size(), 4u);
    EXPECT_GT(record["durations"]["training_s"], 0.0);
    std::map<std::string, int> steps;  // all but the first, which warms up
    for (const json& one : record["durations"]["steps"]) {
      EXPECT_GT(one["seconds"], 0.0);
      steps[one["extensions"].dump()] = one["steps"];
    }
    EXPECT_EQ(steps, (std::map<std::string, int>{{"[\"grad_batch\"]", 17}, {"[\"grad_batch\",\"variance\"]", 4}}));
    const fs::path run_folder = folder() / "out/c/runs" / record["id"].get<std::string>();
    for (const char* output : {"metrics", "log", "deepobs"})
      EXPECT_TRUE(fs::is_regular_file(run_folder / record["outputs"][output].get<std::string>())) << output;
  }
  EXPECT_EQ(cells, (std::set<std::pair<double, int>>{{0.1, 42}, {0.1, 43}, {0.01, 42}, {0.01, 43}}));
  EXPECT_TRUE(files(folder() / "out", ".part").empty());

  const auto before = fs::last_write_time(files(folder() / "out", ".ndjson").at(0));
  const Answer second = run();
  EXPECT_EQ(second.code, 0);
  EXPECT_NE(second.err.find("4 of them reused"), std::string::npos) << second.err;
  EXPECT_EQ(second.err.find("other builds"), std::string::npos) << second.err;
  EXPECT_EQ(second.out, "results: out/c\n");
  EXPECT_EQ(fs::last_write_time(files(folder() / "out", ".ndjson").at(0)), before);
}

/// A reused run says so if a plugin it was made with has changed since; that is also what `--explain` finds.
TEST_F(CampaignTest, ReusedRunsOfOtherBuildsAreNamed) {
  write("campaign: c\nexperiments:\n  - problem: quadratic_deep\n    runner: {name: sgd, lr: 0.1, epochs: 0}\n");
  ASSERT_EQ(run().code, 0);
  const std::string id = json::parse(text_of(folder() / "out/c/plan.json"))["runs"][0]["id"];
  const fs::path record = folder() / "out/c/runs" / id / "run.json";
  std::string text = text_of(record);
  const std::string key = "\"runner sgd\": \"";
  ASSERT_NE(text.find(key), std::string::npos) << text;
  auto& letter = text[text.find(key) + key.size()];
  letter = letter == '0' ? '1' : '0';
  std::ofstream(record) << text;
  const Answer again = run();
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.err.find("1 reused run was made with other builds of plugins (runner sgd)"), std::string::npos) << again.err;
  EXPECT_NE(backobs(folder(), "status out/c --explain 0").out.find("though with other builds"), std::string::npos);
}

TEST_F(CampaignTest, WritesDeepobsFilesAndMetrics) {
  write(kGrid);
  ASSERT_EQ(run("--only 0").code, 0);
  const auto results = files(folder() / "out/c/deepobs", ".json");
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].parent_path(),
            folder() / "out/c/deepobs/fmnist_logreg/SGD" /
                "num_epochs__2__batch_size__100__lr__1.e-01__momentum__0.e+00__nesterov__False");
  const json result = json::parse(text_of(results[0]));
  EXPECT_EQ(result["random_seed"], 42);
  EXPECT_TRUE(result["l2_reg"].is_null());
  for (const char* key :
       {"train_losses", "valid_losses", "test_losses", "train_accuracies", "valid_accuracies", "test_accuracies"})
    EXPECT_EQ(result[key].size(), 3u) << key;
  EXPECT_EQ(result["minibatch_train_losses"].size(), 4u);  // steps 0 and 10 of each epoch
  EXPECT_NEAR(result["train_losses"][0], 2.302585, 1e-5);
  EXPECT_LT(result["train_losses"][2], result["train_losses"][0]);

  std::map<std::string, int> rows;
  std::istringstream lines(text_of(files(folder() / "out/c/runs", ".ndjson").at(0)));
  std::set<int> steps;
  for (std::string line; std::getline(lines, line);) {
    const json row = json::parse(line);
    ++rows[row["split"].get<std::string>() + " " + row["metric"].get<std::string>()];
    if (row["metric"] == "variance.mean") steps.insert(row["step"].get<int>());
    if (row["metric"] == "variance.mean") { EXPECT_GE(row["value"], 0.0); }
  }
  EXPECT_EQ(rows["train_eval loss"], 3);
  EXPECT_EQ(rows["test accuracy"], 3);
  EXPECT_EQ(rows["train loss"], 4);
  EXPECT_EQ(steps, (std::set<int>{0, 5, 10, 15, 20}));
  EXPECT_EQ(rows["train variance.norm"], 10);  // two parameters
  const std::string log = text_of(files(folder() / "out/c/runs", ".txt").at(0));
  EXPECT_NE(log.find("Evaluating after 2 of 2 epochs..."), std::string::npos) << log;
  EXPECT_NE(log.find("grad_batch of dense.weight: [100, 10, 784]"), std::string::npos) << log;
}

TEST_F(CampaignTest, DefaultsRangesZipsAndSetReachTheRuns) {
  write(
      "campaign: c\ndefaults: {problem: quadratic_deep, source: synthetic, runner: {name: sgd, epochs: 1}}\n"
      "experiments:\n  - runner: {lr: {from: 0.01, to: 0.1, count: 2, scale: log}, momentum: [0, 0.5], "
      "zip: [[lr, momentum]]}\n");
  const Answer answer = run("--set seeds=[5,6] --set runner.epochs=0");
  ASSERT_EQ(answer.code, 0) << answer.err;
  std::set<std::tuple<double, double, int>> cells;
  for (const json& record : records()) {
    const json& settings = record["settings"];
    cells.emplace(settings["runner_options"]["lr"], settings["runner_options"]["momentum"], settings["seed"]);
    EXPECT_EQ(settings["epochs"], 0);
  }
  EXPECT_EQ(cells, (std::set<std::tuple<double, double, int>>{{0.01, 0, 5}, {0.01, 0, 6}, {0.1, 0.5, 5}, {0.1, 0.5, 6}}));
  EXPECT_EQ(backobs(folder(), "plan c.yaml --set runner").code, 2);
  EXPECT_NE(run("--set runner.lr=fast").err.find("--set runner.lr: found runner `sgd` with option `lr` = fast"),
            std::string::npos);
}

TEST_F(CampaignTest, SavesTensorsAndHistograms) {
  write(
      "campaign: c\nexperiments:\n  - problem: quadratic_deep\n    source: synthetic\n"
      "    runner: {name: sgd, lr: 0.01, epochs: 1}\n"
      "    extensions: [{name: grad_batch, as: g, every: 4, save: tensors, record: [histogram]}]\n");
  ASSERT_EQ(run().code, 0);
  const fs::path run_folder = fs::directory_iterator(folder() / "out/c/runs")->path();
  for (const char* step : {"0000000000", "0000000004"}) {
    const auto tensors = read_pt(run_folder / "tensors/g" / ("step_" + std::string(step) + ".pt"));
    ASSERT_EQ(tensors.size(), 1u);
    EXPECT_EQ(tensors.begin()->second.sizes().vec(), (std::vector<int64_t>{128, 100}));
  }
  EXPECT_EQ(files(run_folder / "tensors", ".pt").size(), 2u);
  std::istringstream lines(text_of(run_folder / "metrics.ndjson"));
  std::map<int, int64_t> counted;  // by step
  for (std::string line; std::getline(lines, line);) {
    const json row = json::parse(line);
    if (row["metric"].get<std::string>().rfind("g.histogram[", 0) == 0) counted[row["step"]] += row["value"].get<int64_t>();
  }
  EXPECT_EQ(counted, (std::map<int, int64_t>{{0, 12800}, {4, 12800}}));
}

TEST_F(CampaignTest, SchemaKnowsEveryPlugin) {
  const Answer answer = backobs(folder(), "schema");
  const json schema = json::parse(answer.out);
  EXPECT_EQ(schema["$schema"], "http://json-schema.org/draft-07/schema#");
  const json list = json::parse(backobs(folder(), "list --json").out);
  std::map<std::string, std::set<std::string>> named;
  for (const char* kind : {"problem", "runner", "extension"})
    for (const json& name : schema["definitions"][kind]["anyOf"][0]["enum"]) named[kind].insert(name.get<std::string>());
  int plugins = 0;
  for (const json& plugin : list)
    if (named.count(plugin["kind"].get<std::string>())) {
      // One that cannot be loaded is left out, and said to be.
      const std::string name = plugin["name"];
      EXPECT_TRUE(named[plugin["kind"]].count(name) || answer.err.find(name) != std::string::npos) << name << answer.err;
      ++plugins;
    }
  EXPECT_GT(plugins, 10);
  json sgd;
  for (const json& runner : schema["definitions"]["runner"]["anyOf"])
    if (runner.contains("properties") && runner["properties"]["name"]["enum"][0] == "sgd") sgd = runner["properties"];
  EXPECT_EQ(sgd["lr"]["anyOf"][0], (json{{"type", "number"}, {"minimum", 0.0}}));
  EXPECT_EQ(sgd["epochs"]["anyOf"][0]["type"], "integer");
  EXPECT_EQ(sgd["nesterov"]["anyOf"][0]["type"], "boolean");
  EXPECT_EQ(sgd["lr_sched_epochs"]["anyOf"][0]["type"], "array");
}

TEST_F(CampaignTest, SameSeedSameNumbersWithAndWithoutExtensions) {
  write(kGrid);
  ASSERT_EQ(run("--only 1").code, 0);
  std::string bare = kGrid;
  bare.erase(bare.find("    extensions"));
  write(bare);
  ASSERT_EQ(run("--only 1").code, 0);
  const auto results = files(folder() / "out/c/deepobs", ".json");
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(text_of(results[0]), text_of(results[1]));
}

TEST_F(CampaignTest, ADivergedRunIsDone) {
  write(
      "campaign: c\nexperiments:\n  - problem: quadratic_deep\n    source: synthetic\n"
      "    runner: {name: sgd, lr: 1e30, epochs: 3, log_interval: 1}\n");
  const Answer answer = run();
  ASSERT_EQ(answer.code, 0) << answer.err;
  const json record = records().at(0);
  EXPECT_EQ(record["state"], "diverged");
  EXPECT_EQ(record["diverged_at"]["epoch"], 0);
  const int step = record["diverged_at"]["step"];
  EXPECT_GE(step, 1);
  EXPECT_LE(step, 3);
  std::string text = text_of(files(folder() / "out/c/deepobs", ".json").at(0));
  for (const char* token : {"NaN", "-Infinity", "Infinity"})
    for (std::size_t at = text.find(token); at != std::string::npos; at = text.find(token))
      text.replace(at, std::string(token).size(), "null");
  const json result = json::parse(text);
  for (const char* key : {"train_losses", "valid_losses", "test_losses"}) {
    ASSERT_EQ(result[key].size(), 4u);
    for (const auto& value : result[key]) EXPECT_EQ(value, result[key][0]);
  }
  EXPECT_FALSE(result.contains("train_accuracies"));
  const auto& losses = result["minibatch_train_losses"];
  ASSERT_EQ(losses.size(), static_cast<std::size_t>(step) + 1 + 3);
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(losses[losses.size() - static_cast<std::size_t>(i)], losses[0]);
}

TEST_F(CampaignTest, ARunThatFailsDoesSoAlone) {
  write(
      "campaign: c\nexperiments:\n  - problem: fmnist_logreg\n    source: synthetic\n"
      "    runner: {name: sgd, lr: 0.1, epochs: 1, max_steps: 2, batch_size: 100}\n"
      "    extensions: [[batch_l2], [{name: fails_at_step, how: throw, step: 1}]]\n");
  const Answer answer = run("--plugin-path '" BACKOBS_BUILD_DIR "/bad_plugins'");
  EXPECT_EQ(answer.code, 1) << answer.err;
  EXPECT_NE(answer.err.find("thrown on purpose"), std::string::npos) << answer.err;
  std::map<std::string, json> by_state;
  for (const json& record : records()) by_state[record["state"]] = record;
  ASSERT_EQ(by_state.size(), 2u);
  EXPECT_NE(by_state["failed"]["error"]["message"].get<std::string>().find("thrown on purpose"), std::string::npos);
  EXPECT_EQ(files(folder() / "out/c/deepobs", ".json").size(), 1u);
  EXPECT_TRUE(files(folder() / "out/c/deepobs", ".part").empty());
}

TEST_F(CampaignTest, MissingDataLeaveNoTrace) {
  write(
      "campaign: c\nexperiments:\n  - problem: mnist_logreg\n    data_dir: nowhere\n    runner: {name: sgd, lr: [0.1, "
      "0.2], epochs: 1}\n");
  fs::create_directory(folder() / "nowhere");
  const Answer answer = backobs(folder(), "run c.yaml --output out");
  EXPECT_EQ(answer.code, 5) << answer.err;
  EXPECT_EQ(answer.err.find("error:"), answer.err.rfind("error:")) << "one message for both runs\n" << answer.err;
  EXPECT_FALSE(fs::exists(folder() / "out"));
}

TEST_F(CampaignTest, BadFilesAreRefusedBeforeAnythingStarts) {
  const std::string head = "campaign: c\nexperiments:\n  - problem: fmnist_logreg\n    source: synthetic\n    ";
  const struct {
    std::string text, message;
  } table[] = {
      {head + "runner: {name: sgd, lr: fast}\n",
       "c.yaml:5:29: found runner `sgd` with option `lr` = fast, wanted real >= 0"},
      {head + "runner: {name: sgd, lr: 1, epochs: 010}\n",
       "c.yaml:5:40: found runner `sgd` with option `epochs` = 010"},
      {head + "runner: {name: sgd, lr: 1, nesterov: yes}\n",
       "c.yaml:5:42: found runner `sgd` with option `nesterov` = yes"},
      {head + "runner: {name: sgd, lr: 1, lr: 2}\n", "c.yaml:5:32: found key `lr` a second time"},
      {head + "runner: {name: sgd}\n", "c.yaml:5:13: found runner `sgd` without option `lr`"},
      {head + "runner: {name: sdg, lr: 1}\n", "did you mean `sgd`?"},
      {head + "runner: {name: sgd, lr: 1}\n    sources: real\n", "did you mean `source`?"},
      {head + "runner: {name: sgd, lr: 1}\n    extensions: [varianse]\n", "did you mean `variance`?"},
      {head + "runner: {name: sgd, lr: [1\n", "broken YAML"},
      {"", "c.yaml: found nothing"},
  };
  for (const auto& row : table) {
    write(row.text);
    const Answer answer = run();
    EXPECT_EQ(answer.code, 3) << row.text << answer.err;
    EXPECT_NE(answer.err.find(row.message), std::string::npos) << "wanted: " << row.message << "\n" << answer.err;
    EXPECT_TRUE(answer.out.empty());
    EXPECT_FALSE(fs::exists(folder() / "out"));
  }
  EXPECT_EQ(backobs(folder(), "run nowhere.yaml").code, 3);
  EXPECT_EQ(backobs(folder(), "run").code, 2);
}

TEST_F(CampaignTest, PlanShowsEffectiveSettings) {
  write(kGrid);
  const Answer answer = backobs(folder(), "plan c.yaml --json --threads 1");
  ASSERT_EQ(answer.code, 0) << answer.err;
  const json plan = json::parse(answer.out);
  ASSERT_EQ(plan["runs"].size(), 4u);
  EXPECT_EQ(plan["runs"][2]["settings"]["runner_options"]["lr"], 0.01);
  EXPECT_EQ(plan["runs"][2]["settings"]["extensions"][1]["every"], 5);
  EXPECT_FALSE(fs::exists(folder() / "results"));
  const Answer text = backobs(folder(), "plan c.yaml");
  EXPECT_NE(text.out.find("fmnist_logreg sgd lr=0.1 momentum=0 nesterov=false seed=42"), std::string::npos) << text.out;
}

TEST_F(CampaignTest, TrainPrintsEvaluationsAndShapes) {
  const Answer answer =
      backobs(folder(),
              "train mnist_logreg --source synthetic --lr 0.1 --batch-size 3 --epochs 1 --max-steps 3 "
              "--extensions grad_batch");
  ASSERT_EQ(answer.code, 0) << answer.err;
  const std::string start = std::string(32, '*') + "\nEvaluating after 0 of 1 epochs...\nTRAIN: loss 2.30259, acc ";
  EXPECT_EQ(answer.out.rfind(start, 0), 0u) << answer.out;
  EXPECT_NE(answer.out.find("Epoch 0, step 2: loss "), std::string::npos);
  EXPECT_EQ(answer.out.find("Epoch 0, step 3"), std::string::npos);
  EXPECT_NE(answer.out.find("    dense.weight  grad_batch [3, 10, 784]\n    dense.bias  grad_batch [3, 10]\n"),
            std::string::npos)
      << answer.out;
  EXPECT_NE(answer.out.find("Evaluating after 1 of 1 epochs..."), std::string::npos);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder()), fs::directory_iterator()), 2)
      << "no results without --output";
}

TEST_F(CampaignTest, TrainReadsTheRunnersFlags) {
  const std::string common =
      "train --lr=0.3 quadratic_deep --source synthetic --momentum 0.9 --nesterov=true --epochs 3 ";
  const Answer good =
      backobs(folder(), common + "--lr-sched-epochs 1 2 --lr-sched-factors 0.1,0.01 --l2-reg 0 --output out");
  ASSERT_EQ(good.code, 0) << good.err;
  EXPECT_NE(good.out.find("Setting learning rate to [0.03]\n"), std::string::npos) << good.out;
  EXPECT_NE(good.out.find("Setting learning rate to [0.003]\n"), std::string::npos) << good.out;
  ASSERT_EQ(files(folder() / "out", ".json").size(), 1u);
  EXPECT_EQ(files(folder() / "out", ".json")[0].parent_path().filename(),
            "num_epochs__3__batch_size__128__l2_reg__0.e+00__lr__3.e-01__momentum__9.e-01__nesterov__True"
            "__lr_sched_epochs__[1, 2]__lr_sched_factors__[0.1, 0.01]");
  for (const char* bad :
       {"--momentun 0.9", "--epochs 1.5", "--epochs", "mnist_mlp", "--lr 0.1", "--extensions varianse"}) {
    const Answer answer = backobs(folder(), "train quadratic_deep --source synthetic --lr=0.3 " + std::string(bad));
    EXPECT_EQ(answer.code, 2) << bad << answer.err;
    EXPECT_TRUE(answer.out.empty()) << bad;
  }
}

}  // namespace
}  // namespace backobs::testing
