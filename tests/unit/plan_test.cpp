// SPDX-License-Identifier: MIT
#include "campaign/json_schema.h"
#include "campaign/plan.h"
#include "campaign/yaml_edit.h"
#include "host/threads.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace backobs {
namespace {

const Registry& registry() {
  static const Registry plugins({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return plugins;
}

Plan plan_of(const std::string& text, const Overrides& overrides = {}) {
  ConfigProblems problems;
  const Campaign campaign = read_campaign(read_yaml(text, "a.yaml", problems), problems);
  return make_plan(campaign, registry(), overrides, problems);
}

/// With its includes, as read_plan does.
Plan whole_plan_of(const std::string& text) {
  ConfigProblems problems;
  YamlNode root = read_yaml(text, "a.yaml", problems);
  add_includes(root, problems);
  return make_plan(read_campaign(root, problems), registry(), {}, problems);
}

std::vector<std::string> complaints(const std::string& text) {
  try {
    plan_of(text);
  } catch (const ConfigErrors& e) {
    return e.problems();
  }
  return {};
}

std::string one(const std::string& keys) { return "campaign: c\nexperiments:\n  - {" + keys + "}\n"; }

const char* const kQuickstart =
    "campaign: quickstart\nexperiments:\n  - problem: fmnist_logreg\n    runner: {name: sgd, lr: [0.1, 0.01], epochs: "
    "2}\n"
    "    seeds: [42, 43]\n    extensions:\n      - grad_batch\n      - {name: variance, every: 50, record: [mean, "
    "norm]}\n";

std::vector<std::pair<double, double>> rates_and_momenta(const Plan& plan) {
  std::vector<std::pair<double, double>> all;
  for (const backobs::Run& run : plan.runs) {
    const Options& options = run.settings.runner.options;
    all.emplace_back(options.real("lr"), options.real("momentum"));
  }
  return all;
}

TEST(Plan, ExcludesCellsAndIncludesOthers) {
  const std::string grid = "campaign: c\nexperiments:\n  - problem: quadratic_deep\n"
                           "    runner: {name: sgd, lr: [0.1, 0.01, 1], momentum: [0, 0.9]}\n";
  const Plan less = whole_plan_of(grid + "    exclude: [{lr: 1e-1, momentum: 0.9}, {lr: [1, 2]}]\n");
  EXPECT_EQ(rates_and_momenta(less), (std::vector<std::pair<double, double>>{{0.1, 0}, {0.01, 0}, {0.01, 0.9}}));
  EXPECT_EQ(less.excluded, 3);
  // What is included is not excluded, and takes from the experiment what it does not say.
  const Plan more = whole_plan_of(grid + "    exclude: [{problem: quadratic_deep}]\n    include: [{runner: {lr: 5}}, {runner: {lr: 6, momentum: 0.5}}]\n");
  EXPECT_EQ(rates_and_momenta(more), (std::vector<std::pair<double, double>>{{5, 0}, {5, 0.9}, {6, 0.5}}));
  EXPECT_EQ(more.runs.at(0).places.given.at("lr"), "a.yaml:6:29");
}

TEST(Plan, ExpandsAxesWithSeedsFastest) {
  const Plan plan = plan_of(kQuickstart);
  ASSERT_EQ(plan.runs.size(), 4u);
  std::vector<std::pair<double, uint64_t>> cells;
  for (const backobs::Run& run : plan.runs) cells.emplace_back(run.settings.runner.options.real("lr"), run.settings.seed);
  EXPECT_EQ(cells, (std::vector<std::pair<double, uint64_t>>{{0.1, 42}, {0.1, 43}, {0.01, 42}, {0.01, 43}}));
  EXPECT_EQ(plan.runs[3].index, 3);
}

TEST(Plan, FillsEveryDefault) {
  const RunSettings run = plan_of(kQuickstart).runs.at(0).settings;
  EXPECT_EQ(run.problem.name, "fmnist_logreg");
  EXPECT_EQ(run.loop.batch_size, 128);
  EXPECT_EQ(run.loop.epochs, 2);
  EXPECT_EQ(run.loop.l2_reg, 0);
  EXPECT_FALSE(run.loop.l2_reg_given);
  EXPECT_EQ(run.loop.log_interval, 10);
  EXPECT_EQ(run.runner.options.values().size(), 3u);  // lr, momentum, nesterov: not those of the loop
  EXPECT_EQ(run.extensions.at(0).every, 1);
  EXPECT_TRUE(run.extensions.at(0).record.empty());
  EXPECT_EQ(run.extensions.at(1).every, 50);
  EXPECT_EQ(run.extensions.at(1).record, (std::vector<std::string>{"mean", "norm"}));
  EXPECT_EQ(run.threads, available_threads());
  EXPECT_EQ(run.source, Source::real);
}

TEST(Plan, EpochsDefaultToTheProblems) {
  const Plan plan = plan_of(one("problem: [fmnist_logreg, mnist_mlp], runner: {name: sgd, lr: 1, l2_reg: 0}"));
  ASSERT_EQ(plan.runs.size(), 2u);
  EXPECT_EQ(plan.runs[0].settings.loop.epochs, 50);
  EXPECT_EQ(plan.runs[1].settings.loop.epochs, 100);
  EXPECT_TRUE(plan.runs[0].settings.loop.l2_reg_given);
}

TEST(Plan, IdsFollowFromContentAlone) {
  const Plan plan = plan_of(kQuickstart);
  std::set<std::string> ids;
  for (const backobs::Run& run : plan.runs) ids.insert(run.id);
  EXPECT_EQ(ids.size(), 4u);
  EXPECT_EQ(plan.runs[0].id.size(), 12u);
  std::string renamed = kQuickstart;
  renamed.replace(renamed.find("quickstart"), 10, "another");
  renamed.replace(renamed.find("[0.1, 0.01]"), 11, "[0.01, 1e-1]");
  const Plan again = plan_of(renamed);
  EXPECT_EQ(again.runs[2].id, plan.runs[0].id);
  EXPECT_EQ(&again.find(plan.runs[0].id), &again.runs[2]);
  EXPECT_EQ(&again.find("1"), &again.runs[1]);
  EXPECT_THROW(again.find("4"), UsageError);
  RunSettings moved = plan.runs[0].settings;
  moved.data_folder = "elsewhere";
  EXPECT_EQ(settings_id(moved), plan.runs[0].id);
  moved.threads += 1;
  EXPECT_NE(settings_id(moved), plan.runs[0].id);
}

TEST(Plan, LeavesRepeatedCellsOut) {
  const Plan plan = plan_of(one("problem: fmnist_logreg, runner: {name: sgd, lr: [0.1, 1e-1]}"));
  EXPECT_EQ(plan.runs.size(), 1u);
  EXPECT_EQ(plan.repeated, 1);
}

TEST(Plan, ListTypedOptionsTakeListsOfListsAsAxis) {
  const Plan plan =
      plan_of(one("problem: fmnist_logreg, runner: {name: sgd, lr: 1, lr_sched_epochs: [1, 2], "
                  "lr_sched_factors: [[0.1, 0.01], [0.5, 0.25]]}"));
  ASSERT_EQ(plan.runs.size(), 2u);
  EXPECT_EQ(plan.runs[1].settings.loop.lr_sched_factors, (std::vector<double>{0.5, 0.25}));
  const LoopSettings& loop = plan.runs[0].settings.loop;
  EXPECT_EQ(loop.rate_factor(0), 1);
  EXPECT_EQ(loop.rate_factor(1), 0.1);
  EXPECT_EQ(loop.rate_factor(7), 0.01);
}

TEST(Plan, InstancesOfOneExtensionNeedNames) {
  const std::string start = "problem: fmnist_logreg, runner: {name: sgd, lr: 1}, extensions: ";
  const Plan plan = plan_of(one(start + "[diag_ggn_mc, {name: DiagGGNMC, as: mc10, mc_samples: [5, 10]}]"));
  ASSERT_EQ(plan.runs.size(), 2u);
  EXPECT_EQ(plan.runs[1].settings.extensions[1].name, "mc10");
  EXPECT_EQ(plan.runs[1].settings.extensions[1].plugin, "diag_ggn_mc");
  EXPECT_EQ(plan.runs[1].settings.extensions[1].options.integer("mc_samples"), 10);
  EXPECT_EQ(complaints(one(start + "[variance, variance]")).size(), 1u);
}

/// `vectors: {rademacher: 4, seed: 1}` is short for three options: the same run, in a file and behind --set.
TEST(Plan, AWordTakesItsOptionsInAMap) {
  const auto with = [](const std::string& options) {
    return one("problem: quadratic_deep, runner: {name: sgd, lr: 1}, extensions: [{name: hmp, " + options + "}]");
  };
  const Plan map = plan_of(with("vectors: {seed: 1, rademacher: 4}")), flat = plan_of(with("vectors: rademacher, count: 4, seed: 1"));
  ASSERT_EQ(map.runs.size(), 1u);
  EXPECT_EQ(map.runs[0].id, flat.runs.at(0).id);
  const auto& options = map.runs[0].settings.extensions.at(0).options;
  EXPECT_EQ(options.text("vectors"), "rademacher");
  EXPECT_EQ(options.integer("count"), 4);
  EXPECT_EQ(options.integer("seed"), 1);
  EXPECT_EQ(plan_of(with("vectors: {rademacher: [1, 2], seed: 1}")).runs.size(), 2u);
  EXPECT_EQ(plan_of(with("vectors: gradient")).runs.size(), 1u);
  const Plan axis = plan_of(with("vectors: [{rademacher: 4, seed: 1}, gradient, {rademacher: [2, 3]}], every: [1, 2]"));
  ASSERT_EQ(axis.runs.size(), 8u);
  std::set<std::string> ids;
  for (const auto& run : axis.runs) ids.insert(run.id);
  EXPECT_EQ(ids.size(), 8u);
  EXPECT_EQ(ids.count(flat.runs[0].id), 1u);

  ConfigProblems problems;
  YamlNode root = read_yaml(with("every: 2"), "a.yaml", problems);
  apply_assignment(root, "extensions=[{name: hmp, vectors: {rademacher: 4, seed: 1}}]");
  EXPECT_EQ(make_plan(read_campaign(root, problems), registry(), {}, problems).runs.at(0).id, flat.runs[0].id);

  const std::string at = "a.yaml:3:";
  for (const auto& [wrong, wanted] : std::map<std::string, std::string>{
           {"vectors: {seed: 1}", "a map under `vectors` without `rademacher`, wanted {rademacher: ...}"},
           {"vectors: {rademacher: 4, sed: 1}", "key `sed` under `vectors`, wanted one of rademacher, seed; did you mean `seed`?"},
           {"vectors: {rademacher: 4, seed: 1}, seed: 2", "`seed` under `vectors` and beside it, wanted it once"},
           {"vectors: {rademacher: 0}", "option `count`"},
           {"vectors: [gradient, {seed: 1}]", "without `rademacher`"},
           {"vectors: [gradient, [1]]", "option `vectors` = a list, wanted text"},
           {"seed: {rademacher: 1}", "option `rademacher`"}}) {
    const auto found = complaints(with(wrong));
    ASSERT_FALSE(found.empty()) << wrong;
    EXPECT_EQ(found[0].rfind(at, 0), 0u) << found[0];
    EXPECT_NE(found[0].find(wanted), std::string::npos) << found[0];
  }
}

TEST(Plan, TheSchemaKnowsWordsWithOptions) {
  const auto schema = experiment_schema(registry());
  for (const auto& extension : schema["definitions"]["extension"]["anyOf"]) {
    if (!extension.contains("properties") || extension["properties"]["name"]["enum"][0] != "pchmp") continue;
    const auto& map = extension["properties"]["vectors"]["anyOf"].at(1);
    EXPECT_EQ(extension["properties"]["vectors"]["anyOf"].at(2)["items"]["anyOf"].at(1), map);
    EXPECT_EQ(map["required"], nlohmann::ordered_json({"rademacher"}));
    EXPECT_FALSE(map["additionalProperties"].get<bool>());
    EXPECT_EQ(map["properties"].size(), 2u);
    EXPECT_TRUE(map["properties"].contains("rademacher") && map["properties"].contains("seed"));
    EXPECT_EQ(extension["properties"]["modify"]["anyOf"].size(), 2u);  // a choice takes no map
    return;
  }
  FAIL() << "no map of pchmp";
}

TEST(Plan, OverridesReplaceTheFile) {
  const RawValue synthetic{{"synthetic"}, false, false, "--source"}, size{{"7"}, false, false, "--batch-size"},
      seed{{"5"}, false, false, "--seed"};
  const Plan plan = plan_of(kQuickstart, {{"source", synthetic}, {"batch_size", size}, {"seeds", seed}});
  ASSERT_EQ(plan.runs.size(), 2u);
  EXPECT_EQ(plan.runs[0].settings.source, Source::synthetic);
  EXPECT_EQ(plan.runs[0].settings.loop.batch_size, 7);
  EXPECT_EQ(plan.runs[0].settings.seed, 5u);
}

TEST(Plan, ReportsAllProblemsAtOnceWithPositions) {
  const auto lines = complaints(
      "campaign: c\nexperiments:\n  - problem: fmnist_lgreg\n    runner: {name: sgd, lr: -0.1}\n"
      "  - problem: mnist_mlp\n    runner: {name: sgd, lr: [0.1, fast], epochs: 010, momentun: 0.9}\n    seeds: 1.5\n"
      "    source: reel\n    extensions: [{name: variance, every: 0, record: [mena]}, grad_bach, kfac, kfac]\n"
      "  - {problem: mnist_mlp, runner: {name: sgd, nesterov: yes}}\n");
  const auto has = [&](const std::string& part) {
    for (const auto& line : lines)
      if (line.find(part) != std::string::npos) return true;
    return false;
  };
  EXPECT_TRUE(has("a.yaml:3:14: ")) << "unknown problem";
  EXPECT_TRUE(has("did you mean `fmnist_logreg`?"));
  EXPECT_TRUE(has("a.yaml:4:29: found runner `sgd` with option `lr` = -0.1")) << "of an unknown problem";
  EXPECT_TRUE(has("a.yaml:6:35: found runner `sgd` with option `lr` = fast"));
  EXPECT_TRUE(has("a.yaml:6:50: found runner `sgd` with option `epochs` = 010"));
  EXPECT_TRUE(has("did you mean `momentum`?"));
  EXPECT_TRUE(has("a.yaml:7:12: found an experiment with option `seeds` = 1.5"));
  EXPECT_TRUE(has("did you mean `real`?"));
  EXPECT_TRUE(has("a.yaml:9:42: found extension `variance` with option `every` = 0"));
  EXPECT_TRUE(has("did you mean `mean`?"));
  EXPECT_TRUE(has("did you mean `grad_batch`?"));
  EXPECT_TRUE(has("found a second extension called `kfac`")) << "beside wrong ones";
  EXPECT_TRUE(has("a.yaml:10:56: found runner `sgd` with option `nesterov` = yes"));
  EXPECT_TRUE(has("a.yaml:10:34: found runner `sgd` without option `lr`"));
  if (HasFailure())
    for (const auto& line : lines) ADD_FAILURE() << line;
}

TEST(Plan, RefusesSettingsThatDoNotGoTogether) {
  EXPECT_EQ(complaints(one("problem: fmnist_logreg, runner: {name: sgd, lr: 1, lr_sched_epochs: [1]}")).size(), 1u);
  EXPECT_EQ(
      complaints(
          one("problem: fmnist_logreg, runner: {name: sgd, lr: 1, lr_sched_epochs: [2, 1], lr_sched_factors: [1, 1]}"))
          .size(),
      1u);
  EXPECT_EQ(complaints(one("problem: fmnist_logreg, runner: {name: sgd, lr: 1, nesterov: true}")).size(), 1u);
  EXPECT_EQ(complaints(one("problem: fmnist_logreg, runner: {name: sgd, lr: 1}, device: teapot")).size(), 1u);
}

TEST(Plan, RefusesMoreRunsThanAnybodyWants) {
  std::string seeds = "[0";
  for (int i = 1; i < 400; ++i) seeds += "," + std::to_string(i);
  const auto lines = complaints(
      one("problem: fmnist_logreg, runner: {name: sgd, lr: 1, epochs: " + seeds + "], max_steps: " + seeds + "]}"));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("more than 100000"), std::string::npos);
}

}  // namespace
}  // namespace backobs
