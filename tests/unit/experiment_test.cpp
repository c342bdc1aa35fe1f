// SPDX-License-Identifier: MIT
#include "campaign/experiment.h"

#include "campaign/axis.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace backobs {
namespace {

struct Read {
  Campaign campaign;
  std::vector<std::string> lines;
};

Read read(const std::string& text) {
  ConfigProblems problems;
  Read result;
  result.campaign = read_campaign(read_yaml(text, "a.yaml", problems), problems);
  result.lines = problems.lines();
  return result;
}

std::string with_experiment(const std::string& keys) { return "campaign: c\nexperiments:\n  - {" + keys + "}\n"; }

TEST(Experiment, TakesNamesMapsAndLists) {
  const auto [campaign, lines] = read(
      "campaign: quick-start_1.0\nexperiments:\n  - problem: [a, {name: b, size: 3}]\n    runner: {name: sgd, lr: [1, "
      "2]}\n"
      "    extensions: [grad_batch, {name: variance, every: 5}]\n    seeds: [1, 2]\n");
  ASSERT_TRUE(lines.empty()) << lines.front();
  EXPECT_EQ(campaign.name, "quick-start_1.0");
  const Experiment& e = campaign.experiments.at(0);
  ASSERT_EQ(e.problems.size(), 2u);
  EXPECT_EQ(e.problems[0].name, "a");
  EXPECT_EQ(e.problems[1].name, "b");
  EXPECT_EQ(e.problems[1].options.at(0).key, "size");
  ASSERT_EQ(e.runners.size(), 1u);
  EXPECT_EQ(e.runners[0].options.at(0).value.items.size(), 2u);
  ASSERT_EQ(e.extension_sets.size(), 1u);
  EXPECT_EQ(e.extension_sets[0].at(1).name, "variance");
  EXPECT_EQ(e.environment.at(0).key, "seeds");
}

TEST(Experiment, TakesAListOfExtensionListsAsAxis) {
  const auto none = read(with_experiment("problem: a, runner: b"));
  ASSERT_TRUE(none.lines.empty());
  EXPECT_EQ(none.campaign.experiments[0].extension_sets.size(), 1u);
  EXPECT_TRUE(none.campaign.experiments[0].extension_sets[0].empty());
  const auto axis = read(with_experiment("problem: a, runner: b, extensions: [[], [x, y]]"));
  ASSERT_TRUE(axis.lines.empty());
  ASSERT_EQ(axis.campaign.experiments[0].extension_sets.size(), 2u);
  EXPECT_EQ(axis.campaign.experiments[0].extension_sets[1].size(), 2u);
}

TEST(Experiment, TellsListsFromAxesByTheDeclaredType) {
  ConfigProblems problems;
  const YamlNode root = read_yaml("a: 1\nb: [1, 2]\nc: [[1, 2], [3]]\nd: []\n", "a.yaml", problems);
  const auto values = [&](int i, bool list_typed) {
    return axis_of(root.entries[static_cast<std::size_t>(i)], list_typed, problems).values;
  };
  EXPECT_EQ(values(0, false).size(), 1u);
  EXPECT_EQ(values(1, false).size(), 2u);
  ASSERT_EQ(values(1, true).size(), 1u);
  EXPECT_EQ(values(1, true)[0].items.size(), 2u);
  ASSERT_EQ(values(2, true).size(), 2u);
  EXPECT_EQ(values(2, true)[1].items, std::vector<std::string>{"3"});
  EXPECT_EQ(values(3, true).size(), 1u);  // the empty list is a value
  EXPECT_TRUE(problems.empty());
  values(3, false);
  EXPECT_EQ(problems.lines(),
            std::vector<std::string>{"a.yaml:4:4: found an empty list under `d`, wanted at least one value"});
}

TEST(Experiment, NamesEveryWrongFormAtItsPlace) {
  const struct {
    const char *text, *message;
  } table[] = {
      {"[1]", "a.yaml:1:1: found a list, wanted a map with `campaign` and `experiments`"},
      {"", "a.yaml: found nothing, wanted a map with `campaign` and `experiments`"},
      {"campaign: c\n", "a.yaml:1:1: found a file without `experiments`, wanted the key `experiments`"},
      {"campaign: ../c\nexperiments: [{problem: a, runner: b}]",
       "a.yaml:1:11: found `../c` as campaign, wanted a name of letters, digits, '.', '_' and '-'"},
      {"campaing: c\nexperiments: [{problem: a, runner: b}]",
       "a.yaml:1:1: found key `campaing` in the file, wanted one of campaign, defaults, experiments; did you mean `campaign`?"},
      {"campaign: c\nexperiments: []",
       "a.yaml:2:14: found a list as experiments, wanted a list of at least one experiment"},
      {"campaign: c\nexperiments: [3]", "a.yaml:2:15: found `3`, wanted an experiment: {problem: ..., runner: ...}"},
      {"campaign: c\nexperiments: [{problem: a}]",
       "a.yaml:2:15: found an experiment without `runner`, wanted a runner"},
      {"campaign: c\nexperiments: [{problem: [], runner: b}]",
       "a.yaml:2:25: found an empty list, wanted at least one problem"},
      {"campaign: c\nexperiments: [{problem: a, runner: {lr: 1}}]",
       "a.yaml:2:36: found runner without `name`, wanted {name: ..., options}"},
      {"campaign: c\nexperiments: [{problem: a, runner: [[b]]}]",
       "a.yaml:2:37: found a list as runner, wanted a name, or {name: ..., options}"},
      {"campaign: c\nexperiments: [{problem: a, runner: b, extensions: c}]",
       "a.yaml:2:51: found `c` as extensions, wanted a list of extensions"},
  };
  for (const auto& row : table) {
    const auto lines = read(row.text).lines;
    ASSERT_FALSE(lines.empty()) << row.text;
    EXPECT_NE(std::find(lines.begin(), lines.end(), row.message), lines.end()) << row.text << "\n" << lines.front();
  }
  const auto typo = read(with_experiment("problem: a, runner: b, seed: 1")).lines;
  ASSERT_EQ(typo.size(), 1u);
  EXPECT_NE(typo[0].find("a.yaml:3:29: found key `seed` in an experiment"), std::string::npos) << typo[0];
  EXPECT_NE(typo[0].find("did you mean `seeds`?"), std::string::npos) << typo[0];
}

}  // namespace
}  // namespace backobs
