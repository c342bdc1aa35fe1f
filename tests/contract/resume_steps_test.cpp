// SPDX-License-Identifier: MIT
// Every problem and every extension: a training that is taken apart between two steps, and goes on in another object, does
// the same steps to the bit. Layers that draw or normalise, augmentation, momentum and Monte-Carlo columns are among them.
#include "campaign/plan.h"
#include "campaign/training.h"
#include "campaign/yaml_reader.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <tuple>

namespace backobs {
namespace {

const Registry& registry() {
  static const Registry plugins({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return plugins;
}

RunSettings settings_of(const std::string& experiment) {
  ConfigProblems problems;
  const Campaign campaign = read_campaign(read_yaml("campaign: c\nexperiments:\n  - " + experiment + "\n", "a.yaml", problems), problems);
  return make_plan(campaign, registry(), {}, problems).runs.at(0).settings;
}

/// Ends a training after so many steps, and keeps its state.
class Steps final : public Checkpointing {
 public:
  explicit Steps(int64_t count) : left_(count) {}
  void take(State state) override { state_ = std::move(state); }
  bool stop() override { return left_-- <= 0; }
  State& state() { return state_; }

 private:
  int64_t left_;
  State state_;
};

/// Losses and recorded values, in their order.
class Journal final : public TrainingObserver {
 public:
  using Row = std::tuple<int64_t, std::string, std::string, std::string, double>;
  void step_done(const StepPosition& place, double loss, bool) override { rows.emplace_back(place.global, "loss", "", "", loss); }
  void recorded(const StepPosition& place, const std::string& quantity, const std::string& reduction, const std::string& parameter,
                double value) override {
    rows.emplace_back(place.global, quantity, reduction, parameter, value);
  }
  std::vector<Row> rows;
};

State steps(const RunSettings& settings, const State& from, int64_t count, Journal& journal) {
  Training training(settings, registry());
  training.resume(from);
  Steps checkpointing(count);
  EXPECT_TRUE(training.run(journal, checkpointing).interrupted);
  return checkpointing.state();
}

/// Where a training stands before its first step. Its evaluation is left out: it costs more than the steps.
State beginning(const RunSettings& settings) {
  Training training(settings, registry());
  TrainingObserver nobody;
  Steps none(0);
  EXPECT_TRUE(training.run(nobody, none).interrupted);
  State state = none.state();
  state.put("curves/epochs", at::ones({1, 6}, at::kDouble));
  return state;
}

bool tells_time(const std::string& name) { return name == "position/seconds" || name.rfind("times/", 0) == 0; }

void expect_equal(const State& left, const State& right) {
  std::size_t compared = 0;
  for (const auto& [name, value] : left.values()) {
    if (tells_time(name)) continue;
    ASSERT_TRUE(right.has(name)) << name;
    const State::Value& other = right.values().at(name);
    ASSERT_EQ(value.index(), other.index()) << name;
    if (const auto* tensor = std::get_if<at::Tensor>(&value))
      EXPECT_TRUE(at::equal(*tensor, std::get<at::Tensor>(other))) << name;
    else if (const auto* text = std::get_if<std::string>(&value))
      EXPECT_EQ(*text, std::get<std::string>(other)) << name;
    else if (const auto* integer = std::get_if<int64_t>(&value))
      EXPECT_EQ(*integer, std::get<int64_t>(other)) << name;
    else
      EXPECT_EQ(std::get<double>(value), std::get<double>(other)) << name;
    ++compared;
  }
  for (const auto& [name, value] : right.values()) compared -= tells_time(name) ? 0 : 1;
  EXPECT_EQ(compared, 0u);
}

void expect_same_steps_in_two_parts(const RunSettings& settings) {
  const State start = beginning(settings);
  Journal whole, parts;
  const State wanted = steps(settings, start, 3, whole);
  const State half = steps(settings, start, 1, parts);
  const State found = steps(settings, half, 2, parts);
  expect_equal(found, wanted);
  EXPECT_EQ(wanted.integer("position/steps_done"), 3);
  ASSERT_EQ(whole.rows.size(), parts.rows.size());
  for (std::size_t i = 0; i < whole.rows.size(); ++i) EXPECT_TRUE(whole.rows[i] == parts.rows[i]) << std::get<1>(whole.rows[i]);
  // The steps did something: otherwise anything is equal.
  std::size_t moved = 0;
  for (const auto& [name, value] : wanted.values())
    if (name.rfind("parameter/", 0) == 0 && !at::equal(std::get<at::Tensor>(value), start.tensor(name))) ++moved;
  EXPECT_GT(moved, 0u);
}

std::vector<std::string> names_of(const std::string& kind) {
  std::vector<std::string> names;
  for (const PluginFile& plugin : registry().list(kind)) names.push_back(plugin.manifest.name);
  return names;
}

class ResumeSteps : public ::testing::TestWithParam<std::string> {};

TEST_P(ResumeSteps, AreTheSameInTwoParts) {
  const std::string& name = GetParam();
  const bool is_vgg = name.find("_vgg") != std::string::npos;
  const std::string problem = is_vgg ? "{name: " + name + ", size: 32}" : name;
  expect_same_steps_in_two_parts(settings_of("{problem: " + problem +
                                             ", source: synthetic, threads: 1, runner: {name: sgd, lr: 0.01, momentum: 0.9, "
                                             "batch_size: 2, epochs: 1, log_interval: 1}, "
                                             "extensions: [{name: diag_ggn_mc, record: [norm]}]}"));
}

INSTANTIATE_TEST_SUITE_P(EveryProblem, ResumeSteps, ::testing::ValuesIn(names_of("problem")),
                         [](const auto& one) { return one.param; });

TEST(ResumeStepsOfExtensions, AreTheSameInTwoParts) {
  std::string list;
  const auto names = names_of("extension");
  ASSERT_GE(names.size(), 18u);
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + std::string("{name: " + name + ", record: [max_abs]}");
  for (const char* runner : {"{name: sgd, lr: 0.01, momentum: 0.9, nesterov: true, ", "{name: adam, lr: 0.001, "}) {
    const RunSettings settings = settings_of("{problem: fmnist_mlp, source: synthetic, threads: 1, runner: " + std::string(runner) +
                                             "batch_size: 2, epochs: 1, log_interval: 1}, extensions: [" + list + "]}");
    expect_same_steps_in_two_parts(settings);
  }
}

}  // namespace
}  // namespace backobs
