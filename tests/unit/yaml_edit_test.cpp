// SPDX-License-Identifier: MIT
#include "campaign/yaml_edit.h"

#include <backobs/error.h>

#include <gtest/gtest.h>

namespace backobs {
namespace {

struct Edited {
  YamlNode root;
  std::vector<std::string> lines;
};

Edited edited(const std::string& text, const std::vector<std::string>& assignments = {}) {
  ConfigProblems problems;
  Edited result{read_yaml(text, "a.yaml", problems), {}};
  apply_defaults(result.root, problems);
  for (const auto& assignment : assignments) apply_assignment(result.root, assignment);
  result.lines = problems.lines();
  return result;
}

const YamlNode& experiment(const Edited& e, std::size_t index) { return e.root.find("experiments")->items.at(index); }
std::string text(const YamlNode& map, const std::string& key, const std::string& inner) {
  const YamlNode* node = map.find(key);
  node = node ? node->find(inner) : nullptr;
  return node ? node->text : "none";
}

const char* const kDefaults =
    "defaults:\n  runner: {name: sgd, lr: 0.1, epochs: 5}\n  seeds: [1, 2]\nexperiments:\n"
    "  - {problem: a}\n  - {problem: b, runner: {lr: 0.5}, seeds: 3}\n  - {problem: c, runner: {name: adam, lr: 1}}\n"
    "  - {problem: d, runner: sgd}\n";

TEST(Defaults, LieBeneathEveryExperiment) {
  const Edited e = edited(kDefaults);
  ASSERT_TRUE(e.lines.empty()) << e.lines.front();
  EXPECT_EQ(e.root.find("defaults"), nullptr);
  EXPECT_EQ(text(experiment(e, 0), "runner", "lr"), "0.1");
  EXPECT_EQ(text(experiment(e, 1), "runner", "lr"), "0.5");
  EXPECT_EQ(text(experiment(e, 1), "runner", "name"), "sgd");
  EXPECT_EQ(text(experiment(e, 1), "runner", "epochs"), "5");
  EXPECT_EQ(experiment(e, 1).find("seeds")->text, "3");
  EXPECT_EQ(experiment(e, 0).find("seeds")->items.size(), 2u);
  EXPECT_EQ(text(experiment(e, 2), "runner", "epochs"), "none");  // of another plugin
  EXPECT_EQ(experiment(e, 3).find("runner")->text, "sgd");        // a name alone is the whole value
  EXPECT_EQ(experiment(e, 0).find("runner")->find("lr")->where, "a.yaml:2:27");
  EXPECT_EQ(edited("defaults: 3\nexperiments: []\n").lines,
            std::vector<std::string>{"a.yaml:1:11: found `3` as defaults, wanted keys of an experiment"});
}

TEST(Assignment, ReplacesInEveryExperimentOrInOne) {
  const Edited e = edited(kDefaults, {"runner.lr=[1, 2]", "experiments.3.runner.momentum=0.9", "seeds=7"});
  for (std::size_t i : {0, 1, 2, 3}) {
    EXPECT_EQ(experiment(e, i).find("runner")->find("lr")->items.size(), 2u) << i;
    EXPECT_EQ(experiment(e, i).find("seeds")->text, "7") << i;
  }
  EXPECT_EQ(text(experiment(e, 3), "runner", "name"), "sgd");
  EXPECT_EQ(text(experiment(e, 3), "runner", "momentum"), "0.9");
  EXPECT_EQ(text(experiment(e, 0), "runner", "momentum"), "none");
  EXPECT_EQ(experiment(e, 0).find("runner")->find("lr")->items[0].where, "--set runner.lr");
}

TEST(Assignment, ReplacesInAnItemOfAList) {
  const Edited e = edited("experiments:\n  - {problem: a, extensions: [{name: b, every: 1}, c]}\n", {"extensions.0.every=10", "extensions.1.as=d"});
  const auto& items = experiment(e, 0).find("extensions")->items;
  EXPECT_EQ(items.at(0).find("every")->text, "10");
  EXPECT_EQ(items.at(1).find("name")->text, "c");
  EXPECT_EQ(items.at(1).find("as")->text, "d");
}

TEST(Assignment, RefusesWhatHasNoPlace) {
  for (const char* bad : {"runner.lr", "=1", "a..b=1", "experiments.4.seeds=1", "experiments.x.seeds=1", "runner.lr=[1",
                          "seeds.x=1", "seeds.2.x=1", "seeds.-1.x=1"})
    EXPECT_THROW(edited(kDefaults, {bad}), UsageError) << bad;
}

}  // namespace
}  // namespace backobs
