// SPDX-License-Identifier: MIT
// What is found out about a plan before anything starts: through the built program, on synthetic data.
#include "integration/program.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>

namespace backobs::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kHead = "campaign: c\nexperiments:\n  - problem: fmnist_logreg\n    source: synthetic\n";
const std::string kRunner = "    runner: {name: sgd, lr: 0.1, epochs: 1, batch_size: 100, max_steps: 3}\n";
const std::string kBad = " --plugin-path '" BACKOBS_BUILD_DIR "/bad_plugins'";

class RehearsalTest : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(folder() / "c.yaml") << text; }
  const fs::path& folder() const { return temporary_.path(); }
  Answer call(const std::string& verb, const std::string& more = "") {
    return backobs(folder(), verb + " c.yaml --output out --threads 1 " + more);
  }
  json plan(const std::string& more = "") {
    const Answer answer = call("plan", "--json " + more);
    EXPECT_EQ(answer.code, 0) << answer.err;
    return json::parse(answer.out);
  }

 private:
  TemporaryFolder temporary_;
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t number = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++number;
  return number;
}

TEST_F(RehearsalTest, TellsEverythingAtOnceBeforeAnythingStarts) {
  write(kHead +
        "    runner: {name: sgd, lr: [0.1, 0.01], epochs: 1, batch_size: 1000000}\n    init: c.yaml\n    extensions:\n"
        "      - {name: ggnmp, vectors: nowhere.pt}\n      - {name: variance, record: [trace]}\n"
        "      - {name: kfac, record: [trace]}\n"
        "  - problem: fmnist_vae\n    runner: {name: sgd, lr: 0.1}\n"
        "    extensions: [sqrt_ggn_exact, {name: grad_batch, subsampling: [[64]]}]\n");
  const std::string messages[] = {
      "c.yaml:5:65: problem `fmnist_logreg`: found batch_size = 1000000, wanted at most ",
      "\n  5 |     runner: {name: sgd, lr: [0.1, 0.01], epochs: 1, batch_size: 1000000}\n    |" + std::string(65, ' ') +
          "^\n",
      "c.yaml:6:11: init c.yaml: found ",
      "c.yaml:8:9: nowhere.pt: found ",
      "c.yaml:9:9: record: trace of `variance` of `dense.weight`: found shape [10, 784], wanted [..., D, D]",
      "c.yaml:13:34: option `subsampling`: found position 64, wanted 0 to 63 in a mini-batch of 64",
      "c.yaml:13:18: extension `sqrt_ggn_exact` works for no parameter of problem `fmnist_vae`: "};
  for (const char* verb : {"plan", "run"}) {
    const Answer answer = call(verb);
    EXPECT_EQ(answer.code, 3) << answer.err;
    for (const auto& message : messages) EXPECT_EQ(count(answer.err, message), 1u) << message << "\n" << answer.err;
    EXPECT_EQ(answer.err.find("kfac"), std::string::npos) << "its factors are square\n" << answer.err;
    EXPECT_TRUE(answer.out.empty());
    EXPECT_FALSE(fs::exists(folder() / "out"));
  }
}

TEST_F(RehearsalTest, WhatWorksForSomeParametersIsLeftOutForTheOthers) {
  write(
      "campaign: c\nexperiments:\n  - problem: cifar100_wrn164\n    source: synthetic\n"
      "    runner: {name: sgd, lr: [0.1, 0.2]}\n    extensions: [kfra, {name: variance, as: spread}]\n");
  const json described = json::parse(backobs(folder(), "describe problem cifar100_wrn164 --json").out);
  std::set<std::pair<std::string, std::string>> wanted, found;
  for (const json& quantity : described["quantities"])
    if (quantity["name"] == "kfra")
      for (const json& one : quantity["refused"]) wanted.emplace(one["parameter"], one["reason"]);
  ASSERT_FALSE(wanted.empty());
  const json runs = plan()["runs"];
  for (const json& one : runs[0]["left_out"]) {
    EXPECT_EQ(one["quantity"], "kfra");
    found.emplace(one["parameter"], one["reason"]);
  }
  EXPECT_EQ(found, wanted);
  EXPECT_EQ(runs[1]["left_out"], runs[0]["left_out"]);
  const Answer text = call("plan");
  EXPECT_NE(text.out.find("  cifar100_wrn164  kfra  the averaged curvature cannot pass where branches merge at"),
            std::string::npos)
      << text.out;
}

TEST_F(RehearsalTest, SaysWhereSettingsComeFromAndHowRunsStand) {
  write(kHead + kRunner + "    seeds: [1, 2]\n    extensions: [{name: diag_ggn_mc, as: mc, mc_samples: 3}]\n");
  ASSERT_EQ(call("run", "--only 1").code, 0);
  const json runs = plan("--set runner.momentum=0.5")["runs"];
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0]["given"]["epochs"], "c.yaml:5:42");
  EXPECT_EQ(runs[0]["given"]["mc.mc_samples"], "c.yaml:7:58");
  EXPECT_EQ(runs[0]["given"]["threads"], "--threads");
  EXPECT_EQ(runs[0]["given"]["source"], "c.yaml:4:13");
  EXPECT_EQ(runs[0]["given"]["momentum"], "--set runner.momentum");
  EXPECT_FALSE(runs[0]["given"].contains("nesterov"));
  EXPECT_EQ(runs[0]["given"]["seed"], "c.yaml:6:13");
  EXPECT_EQ(runs[1]["given"]["seed"], "c.yaml:6:16");
  const json as_run = plan()["runs"];
  EXPECT_EQ(as_run[0]["state"], "waiting");
  EXPECT_EQ(as_run[1]["state"], "done");
  EXPECT_EQ(plan("--only 1")["runs"].size(), 1u);
  const Answer text = call("plan");
  EXPECT_NE(text.out.find("      given:   batch_size=100 (5:57) epochs=1 (5:42) lr=0.1 (5:29) max_steps=3 (5:73)"),
            std::string::npos)
      << text.out;
  EXPECT_NE(text.out.find(" momentum=0 "), std::string::npos) << text.out;
}

/// An extension that fails the first time it is called, and never again: who looked at the second run would find it
/// sound.
TEST_F(RehearsalTest, RunsThatAreAlikeAreLookedAtOnce) {
  write(kHead +
        "    runner: {name: sgd, lr: [0.1, 0.01], epochs: [1, 2]}\n    seeds: [1, 2, 3]\n"
        "    extensions: [{name: fails_at_step, how: throw, step: 0, marker: was_here}]\n");
  EXPECT_EQ(call("plan", kBad).code, 3);
  ASSERT_TRUE(fs::exists(folder() / "was_here"));
  EXPECT_EQ(plan(kBad)["runs"].size(), 12u);
}

TEST_F(RehearsalTest, APluginThatCrashesOrHangsCostsNoPlan) {
  write(kHead + kRunner + "    extensions: [{name: fails_at_step, how: crash, step: 0}]\n");
  const Answer crashed = call("plan", kBad);
  EXPECT_EQ(crashed.code, 0) << crashed.err;
  EXPECT_NE(crashed.out.find("campaign c: 1 runs"), std::string::npos);
  EXPECT_NE(crashed.err.find("signal 11"), std::string::npos) << crashed.err;
  EXPECT_NE(crashed.err.find("extension `fails_at_step`, begin_pass"), std::string::npos) << crashed.err;

  write(kHead + kRunner + "    extensions: [[{name: fails_at_step, how: hang, step: 0}], [batch_l2]]\n");
  const Answer hung = call("run", "--jobs 2 --max-silence 3 --json" + kBad);
  EXPECT_EQ(hung.code, 1) << hung.err;
  EXPECT_NE(hung.err.find("not every run could be looked at beforehand: no sign of life"), std::string::npos)
      << hung.err;
  const json runs = json::parse(hung.out)["runs"];
  EXPECT_EQ(runs[0]["state"], "failed");
  EXPECT_EQ(runs[1]["state"], "done");
}

double mib_under(const fs::path& folder) {
  double bytes = 0;
  for (const char* file : {"metrics.ndjson", "parameters.pt"})
    bytes += static_cast<double>(fs::file_size(folder / file));
  for (const auto& entry : fs::recursive_directory_iterator(folder / "tensors"))
    if (entry.is_regular_file()) bytes += static_cast<double>(entry.file_size());
  return bytes / (1 << 20);
}

TEST_F(RehearsalTest, EstimatesAreNearWhatRunsTake) {
  write(kHead +
        "    runner: {name: sgd, lr: 0.1, epochs: [1, 4], batch_size: 100, max_steps: 11}\n"
        "    extensions: [{name: grad_batch, every: 5, record: [norm, mean], save: tensors}, variance]\n");
  const json runs = plan("--estimate")["runs"];
  ASSERT_EQ(call("run").code, 0);
  for (const json& run : runs) {
    const double disk = mib_under(folder() / "out/c/runs" / run["id"].get<std::string>());
    EXPECT_NEAR(run["estimate"]["disk_mib"].get<double>(), disk, 0.1 * disk);
    EXPECT_GT(run["estimate"]["memory_mib"], 50.0);
  }
  EXPECT_LT(runs[0]["estimate"]["seconds"], runs[1]["estimate"]["seconds"]);
  EXPECT_EQ(runs[0]["estimate"]["memory_mib"], runs[1]["estimate"]["memory_mib"]);
  EXPECT_NE(call("plan", "--estimate").out.find("one after the other: about "), std::string::npos);
  EXPECT_FALSE(plan()["runs"][0].contains("estimate"));
}

TEST_F(RehearsalTest, WithoutDataThereIsNoEstimate) {
  write(
      "campaign: c\nexperiments:\n  - problem: mnist_logreg\n    data_dir: nowhere\n    runner: {name: sgd, lr: "
      "0.1}\n");
  const json run = plan("--estimate")["runs"][0];
  EXPECT_FALSE(run.contains("estimate"));
  EXPECT_NE(run["no_estimate"].get<std::string>().find("nowhere"), std::string::npos) << run;
}

}  // namespace
}  // namespace backobs::testing
