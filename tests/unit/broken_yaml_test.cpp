// SPDX-License-Identifier: MIT
// What is said of broken experiment files: one message each, at its place.
#include "campaign/plan.h"
#include "campaign/yaml_edit.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace backobs {
namespace {

const Registry& registry() {
  static const Registry plugins({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return plugins;
}

/// All problems of a file; empty where it is sound.
std::vector<std::string> complaints(const std::string& text) {
  ConfigProblems problems;
  YamlNode root = read_yaml(text, "a.yaml", problems);
  apply_defaults(root, problems);
  add_includes(root, problems);
  const Campaign campaign = read_campaign(root, problems);
  try {
    make_plan(campaign, registry(), {}, problems);
  } catch (const ConfigErrors& e) {
    return e.problems();
  }
  return {};
}

/// A file whose only experiment has these keys, from line 3, column 5 on.
std::string keys(const std::string& text) { return "campaign: c\nexperiments:\n  - " + text + "\n"; }
/// The same with a sound problem and these options of a sound runner, from line 3, column 62 on.
std::string runner(const std::string& options) {
  return keys("{problem: quadratic_deep, source: synthetic, runner: {name: sgd, " + options + "}}");
}
/// The same with an extension list, from line 3, column 92 on.
std::string extensions(const std::string& list) {
  return keys("{problem: quadratic_deep, source: synthetic, runner: {name: sgd, lr: 1}, extensions: " + list + "}");
}

struct Case {
  std::string text, message;
};

void expect(const std::vector<Case>& table) {
  for (const auto& [text, message] : table) {
    const auto lines = complaints(text);
    const bool found = std::any_of(lines.begin(), lines.end(),
                                   [&, m = message](const std::string& line) { return line.find(m) != std::string::npos; });
    std::string all;
    for (const auto& line : lines) all += "  " + line + "\n";
    EXPECT_TRUE(found) << text << "wanted: " << message << "\nfound:\n" << all;
  }
}

TEST(BrokenYaml, SoundFilesHaveNoComplaint) {
  for (const auto& text : {runner("lr: 1"), runner("lr: {from: 0.001, to: 1, count: 4, scale: log}"),
                           runner("lr: [1, 2], momentum: [0, 0.9], zip: [[lr, momentum]]"), extensions("[variance]"), extensions("[{name: variance, budget: [2.5%, 10%]}]")})
    EXPECT_TRUE(complaints(text).empty()) << text << complaints(text).front();
}

TEST(BrokenYaml, Form) {
  expect({
      {"", "a.yaml: found nothing, wanted a map with `campaign` and `experiments`"},
      {"[]", "a.yaml:1:1: found a list, wanted a map with `campaign` and `experiments`"},
      {"campaign: c\n", "a.yaml:1:1: found a file without `experiments`"},
      {"experiments: []\n", "a.yaml:1:14: found a list as experiments, wanted a list of at least one experiment"},
      {"campaign: c\nexperiments: {}\n", "a.yaml:2:14: found a map as experiments"},
      {"campaign: c\nexperiments: [3]\n", "a.yaml:2:15: found `3`, wanted an experiment"},
      {"campaign: ../c\nexperiments: []\n", "a.yaml:1:11: found `../c` as campaign, wanted a name of letters"},
      {"campaign: [c]\nexperiments: []\n", "a.yaml:1:11: found a list as campaign"},
      {"campaign: c\nexperiment: []\n", "a.yaml:2:1: found key `experiment` in the file"},
      {"campaign: c\nexperiment: []\n", "did you mean `experiments`?"},
      {"campaign: c\ncampaign: d\nexperiments: []\n", "a.yaml:2:1: found key `campaign` a second time"},
      {"campaign: c\nexperiments: [\n", "found broken YAML"},
      {"campaign: c\n  experiments: []\n", "found broken YAML"},
      {"campaign: 'c\n", "found broken YAML"},
      {", campaign: c\n", "a.yaml:1:1: found more behind the end of the document"},  // yaml-cpp sees documents without end
      {"campaign: c\n\texperiments: []\n", "found broken YAML"},
      {"campaign: &a c\nexperiments: []\n", "a.yaml:1:11: found an anchor"},
      {"campaign: !!str c\nexperiments: []\n", "a.yaml:1:11: found the tag"},
      {"campaign: c\nexperiments: []\n---\na: 1\n", "found more behind the end of the document"},
      {"campaign: c\ndefaults: [1]\nexperiments: []\n", "a.yaml:2:11: found a list as defaults"},
      {"campaign: c\ndefaults: {sed: 1}\nexperiments: [{problem: x, runner: y}]\n", "a.yaml:2:12: found key `sed`"},
  });
}

TEST(BrokenYaml, Experiments) {
  expect({
      {keys("{runner: {name: sgd, lr: 1}}"), "a.yaml:3:5: found an experiment without `problem`"},
      {keys("{problem: quadratic_deep}"), "a.yaml:3:5: found an experiment without `runner`"},
      {keys("{problem: quadratic_dep, runner: {name: sgd, lr: 1}}"), "did you mean `quadratic_deep`?"},
      {keys("{problem: quadratic_dep, runner: {name: sgd, lr: 1}}"), "a.yaml:3:15: found problem `quadratic_dep`"},
      {keys("{problem: [], runner: {name: sgd, lr: 1}}"), "a.yaml:3:15: found an empty list, wanted at least one problem"},
      {keys("{problem: {size: 3}, runner: {name: sgd, lr: 1}}"), "a.yaml:3:15: found problem without `name`"},
      {keys("{problem: {name: [a]}, runner: {name: sgd, lr: 1}}"), "a.yaml:3:22: found a list as problem"},
      {keys("{problem: {name: quadratic_deep, size: 3}, runner: {name: sgd, lr: 1}}"), "option `size`"},
      {keys("{problem: quadratic_deep, runner: sdg}"), "did you mean `sgd`?"},
      {keys("{problem: quadratic_deep, runner: sgd}"), "a.yaml:3:39: found runner `sgd` without option `lr`"},
      {keys("{problem: quadratic_deep, runner: {name: sgd, lr: 1}, sources: real}"), "did you mean `source`?"},
      {keys("{problem: quadratic_deep, runner: {name: sgd, lr: 1}, source: reel}"), "did you mean `real`?"},
      {keys("{problem: quadratic_deep, runner: {name: sgd, lr: 1}, seeds: -1}"), "option `seeds` = -1"},
      {keys("{problem: quadratic_deep, runner: {name: sgd, lr: 1}, seeds: []}"), "found an empty list under `seeds`"},
      {keys("{problem: quadratic_deep, runner: {name: sgd, lr: 1}, threads: 0}"), "option `threads` = 0"},
      {keys("{problem: quadratic_deep, runner: {name: sgd, lr: 1}, threads: 1025}"), "and <= 1024"},
      {keys("{problem: quadratic_deep, runner: {name: sgd, lr: 1}, dtype: float16}"), "option `dtype` = float16"},
      {keys("{problem: quadratic_deep, runner: {name: sgd, lr: 1}, device: abacus}"), "a.yaml:3:67: found device `abacus`"},
      {keys("{problem: quadratic_deep, runner: {name: sgd, lr: 1}, init: nowhere.pt}"), "a.yaml:3:65: init nowhere.pt: found no such file"},
  });
}

TEST(BrokenYaml, IncludesAndExcludes) {
  const std::string sound = "problem: quadratic_deep, source: synthetic, runner: {name: sgd, lr: [1, 2]}";
  expect({
      {keys("{" + sound + ", include: {runner: sgd}}"), "a.yaml:3:92: found a map as include, wanted a list of experiments"},
      {keys("{" + sound + ", include: [3]}"), "a.yaml:3:93: found `3`, wanted an experiment"},
      {keys("{" + sound + ", include: [{runer: {lr: 3}}]}"), "a.yaml:3:94: found key `runer` in an experiment"},
      {keys("{" + sound + ", include: [{runner: {lr: x}}]}"), "found runner `sgd` with option `lr` = x"},
      {keys("{" + sound + ", exclude: 3}"), "a.yaml:3:92: found `3` as exclude, wanted a list of maps"},
      {keys("{" + sound + ", exclude: [3]}"), "a.yaml:3:93: found `3` in `exclude`, wanted a map of settings"},
      {keys("{" + sound + ", exclude: [{}]}"), "a.yaml:3:93: found a map in `exclude`"},
      {keys("{" + sound + ", exclude: [{lrr: 1}]}"), "a.yaml:3:94: found `lrr` in `exclude`"},
      {keys("{" + sound + ", exclude: [{seeds: 1}]}"), "did you mean `seed`?"},
      {keys("{" + sound + ", exclude: [{lr: {from: 1}}]}"), "a.yaml:3:98: found a map, wanted a value"},
      {keys("{" + sound + ", exclude: [{lr: [1, 2]}]}"), "a.yaml:3:94: found `exclude` of all 2 combinations, wanted a run that is left"},
      {extensions("[{name: variance, record: [mean, norm, mean]}]"), "found `mean` twice in `record`, wanted each once"},
  });
}

TEST(BrokenYaml, Options) {
  expect({
      {runner("lr: fast"), "a.yaml:3:74: found runner `sgd` with option `lr` = fast, wanted real >= 0"},
      {runner("lr: -1"), "option `lr` = -1"},
      {runner("lr: yes"), "option `lr` = yes"},
      {runner("lr: '1'"), "option `lr`"},
      {runner("lr: 0x10"), "option `lr` = 0x10"},
      {runner("lr: .inf"), "option `lr` = .inf"},
      {runner("lr: 1_000"), "option `lr` = 1_000"},
      {runner("lr: 1, epochs: 010"), "option `epochs` = 010"},
      {runner("lr: 1, epochs: 1.0"), "option `epochs` = 1.0"},
      {runner("lr: 1, epochs: 1e1"), "option `epochs` = 1e1"},
      {runner("lr: 1, nesterov: on"), "option `nesterov` = on"},
      {runner("lr: 1, nesterov: true"), "a.yaml:3:58: runner `sgd`: found nesterov without momentum"},
      {runner("lr: 1, lr: 2"), "found key `lr` a second time"},
      {runner("lr: 1, momentun: 0.9"), "did you mean `momentum`?"},
      {runner("lr: 1, lr_sched_epochs: 3"), "option `lr_sched_epochs`"},
      {runner("lr: 1, lr_sched_epochs: [1]"), "1 lr_sched_epochs and 0 lr_sched_factors"},
      {runner("lr: 1, lr_sched_epochs: [2, 1], lr_sched_factors: [1, 1]"), "wanted increasing epochs"},
      {runner("lr: [[1]]"), "a.yaml:3:75: found runner `sgd` with option `lr` = a list"},
      {runner("lr: {from: 1}"), "found a range without option `to`"},
      {runner("lr: {from: 0, to: 1, count: 3, scale: log}"), "a range of equal factors that reaches 0"},
      {runner("lr: {from: 0, to: 1, count: 0}"), "a range with option `count` = 0"},
      {runner("lr: {from: 0, to: 1, count: 3, scale: lg}"), "did you mean `log`?"},
      {runner("lr: 1, epochs: {from: 1, to: 2, count: 3}"), "option `epochs` = 1.5"},
      {runner("lr: [1, 2], momentum: [0, 0.1, 0.2], zip: [[lr, momentum]]"), "2 values of `lr` in a `zip` of 3"},
      {runner("lr: [1, 2], zip: [[lr, momentum]]"), "found `momentum` in `zip`, wanted an option that stands beside it"},
      {runner("lr: [1, 2], zip: [lr]"), "found a list as `zip`, wanted a list of lists of options"},
  });
}

TEST(BrokenYaml, Extensions) {
  expect({
      {extensions("variance"), "found `variance` as extensions, wanted a list of extensions"},
      {extensions("[varianse]"), "did you mean `variance`?"},
      {extensions("[variance, variance]"), "found a second extension called `variance`"},
      {extensions("[[variance], variance]"), "wanted a list of extensions, as its neighbours are"},
      {extensions("[{every: 3}]"), "found extension without `name`"},
      {extensions("[{name: variance, every: 0}]"), "option `every` = 0"},
      {extensions("[{name: variance, record: [avg]}]"), "option `record`"},
      {extensions("[{name: variance, record: mean}]"), "option `record`"},
      {extensions("[{name: variance, as: a b}]"), "found extension `variance` as `a b`, wanted letters, digits and '_'"},
      {extensions("[{name: variance, as: loss}]"), "a.yaml:3:112: found extension `variance` as `loss`, wanted another name"},
      {extensions("[{name: variance, as: accuracy}]"), "wanted another name, since `accuracy` is a metric"},
      {extensions("[{name: variance, as: grad_eval}]"), "wanted another name, since `grad_eval` is a metric"},
      {extensions("[{name: variance, as: problem}]"), "since `problem` heads the names of other settings"},
      {extensions("[{name: variance, as: runner}]"), "since `runner` heads the names of other settings"},
      {extensions("[{name: variance, budget: 10}]"), "a.yaml:3:116: found extension `variance` with option `budget` = 10, wanted a share"},
      {extensions("[{name: variance, budget: 0%}]"), "option `budget` = 0%"},
      {extensions("[{name: variance, budget: 1001%}]"), "option `budget` = 1001%"},
      {extensions("[{name: variance, budget: x%}]"), "option `budget` = x%"},
      {extensions("[{name: variance, every: 2, budget: 10%}]"), "a.yaml:3:126: found extension `variance` with `every` and `budget`"},
      {extensions("[{name: diag_ggn_mc, mc_sample: 3}]"), "did you mean `mc_samples`?"},
  });
}

TEST(BrokenYaml, ShowsTheLineWithACaret) {
  ConfigProblems problems;
  const Campaign campaign = read_campaign(read_yaml(runner("lr: fast"), "a.yaml", problems), problems);
  try {
    make_plan(campaign, registry(), {}, problems);
    FAIL();
  } catch (const ConfigErrors& e) {
    const std::string what = e.what();
    const std::size_t line = what.find("\n  3 |   - {problem"), caret = what.find("\n    | ", line);
    ASSERT_NE(caret, std::string::npos) << what;
    const std::string shown = what.substr(line + 1, caret - line - 1), below = what.substr(caret + 1);
    EXPECT_EQ(below.find('^'), shown.find("fast")) << what;
  }
}

}  // namespace
}  // namespace backobs
