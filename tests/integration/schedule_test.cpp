// SPDX-License-Identifier: MIT
// Several runs at a time, failures among them, requests to stop, two programs on one folder.
#include "integration/program.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <map>
#include <sstream>
#include <thread>

namespace backobs::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kProblem = "campaign: c\nexperiments:\n  - problem: quadratic_deep\n    source: synthetic\n";
/// Runs of some minutes, that are asked to stop before.
const std::string kLong = kProblem + "    runner: {name: sgd, lr: 0.01, epochs: 100000}\n";

class ScheduleTest : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(folder() / "c.yaml") << text; }
  const fs::path& folder() const { return temporary_.path(); }
  std::vector<std::string> arguments(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"run", "c.yaml", "--output", "out", "--threads", "1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Answer run(const std::string& more = "") { return backobs(folder(), "run c.yaml --output out --threads 1 " + more); }

  std::map<std::string, json> records() const {
    std::map<std::string, json> by_id;
    for (const auto& entry : fs::directory_iterator(folder() / "out/c/runs"))
      if (fs::exists(entry.path() / "run.json"))
        by_id[entry.path().filename()] = json::parse(text_of(entry.path() / "run.json"));
    return by_id;
  }
  /// The folder of the only run, as soon as it has this file.
  fs::path wait_for(const std::string& file) const {
    for (int i = 0; i < 6000; ++i) {
      std::error_code ignored;
      for (const auto& entry : fs::directory_iterator(folder() / "out/c/runs", ignored))
        if (fs::exists(entry.path() / file)) return entry.path();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "no " << file;
    return {};
  }

 private:
  TemporaryFolder temporary_;
};

TEST_F(ScheduleTest, StatusWatchesUntilEveryRunIsOver) {
  write(kProblem + "    runner: {name: sgd, lr: 0.01, epochs: [1500, 1]}\n");
  Started started(folder(), arguments());
  wait_for("lock");
  const Answer watched = backobs(folder(), "status out/c --watch");
  EXPECT_EQ(watched.code, 0) << watched.err;
  EXPECT_EQ(watched.out.rfind("2 runs: 1 running, 1 waiting\n", 0), 0u) << watched.out;
  const std::string last = "\n2 runs: 2 done\n";
  EXPECT_EQ(watched.out.substr(watched.out.size() - std::min(watched.out.size(), last.size())), last) << watched.out;
  EXPECT_EQ(started.wait().code, 0);
  const json line = json::parse(backobs(folder(), "status out/c --watch --json").out);
  EXPECT_EQ(line["runs"][1]["state"], "done");
  EXPECT_EQ(backobs(folder(), "status out/c --watch --explain 0").code, 2);
}

TEST_F(ScheduleTest, APluginThatFailsCostsItsOwnRun) {
  write(kProblem +
        "    runner: {name: sgd, lr: 0.01, epochs: 2}\n    extensions:\n      - [batch_l2]\n"
        "      - [{name: fails_at_step, how: [crash, throw, hang, exit]}]\n      - [variance]\n");
  const Answer answer = run("--jobs 3 --max-silence 8 --json --plugin-path '" BACKOBS_BUILD_DIR "/bad_plugins'");
  EXPECT_EQ(answer.code, 1) << answer.err;
  const json runs = json::parse(answer.out)["runs"];
  ASSERT_EQ(runs.size(), 6u);
  const char* const states[] = {"done", "failed", "failed", "failed", "failed", "done"};
  const char* const reasons[] = {"", "signal 11", "thrown on purpose", "no sign of life for 8 s", "exit code 0", ""};
  const auto all = records();
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(runs[i]["index"], i);
    EXPECT_EQ(runs[i]["state"], states[i]) << answer.err;
    const json& record = all.at(runs[i]["id"]);
    if (*reasons[i] == 0) continue;
    EXPECT_NE(record["error"]["message"].get<std::string>().find(reasons[i]), std::string::npos) << record["error"];
    EXPECT_EQ(record["error"]["at_work"], "extension `fails_at_step`, begin_pass, epoch 0, step 3");
    EXPECT_NE(answer.err.find("(run " + runs[i]["id"].get<std::string>() + ")"), std::string::npos) << answer.err;
  }
  // What a run says itself bears its name, because others speak as well.
  const auto said = answer.err.find("error: extension `fails_at_step` in begin_pass, step 3: thrown on purpose");
  ASSERT_NE(said, std::string::npos) << answer.err;
  const auto line = answer.err.rfind('\n', said) + 1;
  EXPECT_EQ(answer.err.compare(line, 6, "[3/6] "), 0) << answer.err;
}

TEST_F(ScheduleTest, AProblemThatFailsIsNamed) {
  write("campaign: c\nexperiments:\n  - problem: [{name: lacks_parts, how: [loss, data, network, throw, crash]}, quadratic_deep]\n"
        "    runner: {name: sgd, lr: 0.01, epochs: 1}\n");
  const Answer answer = run("--jobs 2 --json --plugin-path '" BACKOBS_BUILD_DIR "/bad_plugins'");
  EXPECT_EQ(answer.code, 1) << answer.err;
  const json runs = json::parse(answer.out)["runs"];
  ASSERT_EQ(runs.size(), 6u) << answer.out;
  EXPECT_EQ(runs[5]["state"], "done");
  const char* const reasons[] = {"found no loss, wanted one", "found no data source, wanted one", "found a network without modules",
                                 "the cupboard is empty", "signal 11"};
  const char* const phases[] = {"loss", "data", "network", "batch, epoch 0", "batch, epoch 0"};
  const auto all = records();
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(runs[i]["state"], "failed");
    const json& error = all.at(runs[i]["id"])["error"];
    EXPECT_NE(error["message"].get<std::string>().find(reasons[i]), std::string::npos) << error;
    EXPECT_EQ(error["at_work"].get<std::string>().rfind(std::string("problem `lacks_parts`, ") + phases[i], 0), 0u) << error;
  }
}

/// Without a process of its own, too, where a crash ends the program.
TEST_F(ScheduleTest, TrainNamesWhoThrewOrCrashed) {
  const auto train = [&](const std::string& how) {
    return backobs(folder(), "train quadratic_deep --source synthetic --epochs 1 --runner fails_in_step --how " + how +
                                 " --plugin-path '" BACKOBS_BUILD_DIR "/bad_plugins'");
  };
  const std::string at_work = "error: runner `fails_in_step`, step, epoch 0, step 2: ";
  const auto thrown = train("throw"), number = train("number"), crashed = train("crash"), aborted = train("abort");
  EXPECT_EQ(thrown.code, 4);
  EXPECT_NE(thrown.err.find(at_work + "no further\n"), std::string::npos) << thrown.err;
  EXPECT_EQ(number.code, 4);
  EXPECT_NE(number.err.find(at_work + "an exception of an unknown type\n"), std::string::npos) << number.err;
  EXPECT_EQ(crashed.code, 128 + SIGSEGV);
  EXPECT_NE(crashed.err.find(at_work + "found a crash (signal 11)\n"), std::string::npos) << crashed.err;
  EXPECT_EQ(aborted.code, 128 + SIGABRT);
  EXPECT_NE(aborted.err.find(at_work + "found a crash (signal 6)\n"), std::string::npos) << aborted.err;
}

TEST_F(ScheduleTest, FailFastStopsTheOthers) {
  write(kProblem + "    runner: {name: sgd, lr: 0.01, epochs: 100000}\n    extensions:\n"
                   "      - [{name: fails_at_step, how: throw}]\n      - [batch_l2]\n      - [variance]\n");
  const Answer answer =
      run("--jobs 2 --fail-fast --json --plugin-path '" BACKOBS_BUILD_DIR "/bad_plugins'");
  EXPECT_EQ(answer.code, 1) << answer.err;
  const json runs = json::parse(answer.out)["runs"];
  EXPECT_EQ(runs[0]["state"], "failed");
  EXPECT_EQ(runs[1]["state"], "interrupted");
  EXPECT_EQ(runs[2]["state"], "waiting");
  EXPECT_EQ(run("--fail-fast --keep-going").code, 2);
}

/// The second attempt goes on from the checkpoint, the extension's state included.
TEST_F(ScheduleTest, RetriesGoOnFromTheCheckpoint) {
  write(kProblem + "    runner: {name: sgd, lr: 0.01, epochs: 400}\n    extensions:\n"
                   "      - {name: fails_at_step, step: 2000, marker: was_here, record: [sum]}\n");
  const Answer answer = run("--retries 1 --checkpoint-every 0 --plugin-path '" BACKOBS_BUILD_DIR "/bad_plugins'");
  ASSERT_EQ(answer.code, 0) << answer.err;
  EXPECT_NE(answer.err.find("it is tried again"), std::string::npos) << answer.err;
  const auto all = records();
  EXPECT_EQ(all.begin()->second["interruptions"], 1);
  std::istringstream lines(text_of(folder() / "out/c/runs" / all.begin()->first / "metrics.ndjson"));
  int64_t rows = 0;
  for (std::string line; std::getline(lines, line);) {
    const json row = json::parse(line);
    if (row["metric"] != "fails_at_step.passes.sum") continue;
    EXPECT_EQ(row["step"], rows);
    EXPECT_EQ(row["value"], rows + 1);
    ++rows;
  }
  EXPECT_EQ(rows, 400 * 7);
}

TEST_F(ScheduleTest, CtrlCLeavesACheckpoint) {
  write(kLong);
  Started started(folder(), arguments());
  const fs::path run_folder = wait_for("metrics.ndjson.part");
  started.kill(SIGINT);
  const Answer& answer = started.wait();
  EXPECT_EQ(answer.code, 75) << answer.err;
  EXPECT_NE(answer.err.find("1 interrupted"), std::string::npos) << answer.err;
  EXPECT_TRUE(fs::exists(run_folder / "checkpoint-0"));
  EXPECT_FALSE(fs::exists(run_folder / "run.json"));
  EXPECT_FALSE(fs::exists(run_folder / "lock"));

  Started again(folder(), arguments({"--checkpoint-every", "0"}));
  wait_for("checkpoint-1");  // it is at work
  ASSERT_EQ(again.children().size(), 1u);
  ::kill(again.children()[0], SIGSTOP);  // it cannot obey the first request
  again.kill(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_FALSE(again.has_ended());
  again.kill(SIGINT);
  EXPECT_EQ(again.wait().code, 130);
}

/// A terminal sends Ctrl-C to every process, also to a run that has only just been started.
TEST_F(ScheduleTest, CtrlCWhileARunStartsIsNoFailure) {
  write(kLong);
  Started started(folder(), arguments());
  const fs::path run_folder = wait_for("lock");
  std::vector<pid_t> workers;
  for (int i = 0; i < 1000 && workers.empty() && !started.has_ended(); ++i) {
    workers = started.children();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  started.kill(SIGINT);
  for (const pid_t worker : workers) ::kill(worker, SIGINT);
  EXPECT_EQ(started.wait().code, 75) << started.wait().err;
  EXPECT_NE(started.wait().err.find("1 interrupted"), std::string::npos) << started.wait().err;
  EXPECT_FALSE(fs::exists(run_folder / "run.json"));
}

TEST_F(ScheduleTest, WorkersDieWithTheCampaign) {
  write(kLong);
  Started started(folder(), arguments());
  wait_for("metrics.ndjson.part");
  const auto workers = started.children();
  ASSERT_EQ(workers.size(), 1u);
  started.kill(SIGKILL);
  started.wait();
  bool gone = false;
  for (int i = 0; i < 1000 && !gone; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    gone = !fs::exists("/proc/" + std::to_string(workers[0]) + "/exe");
  }
  EXPECT_TRUE(gone);
}

/// Together they do every run once.
TEST_F(ScheduleTest, TwoProgramsShareAFolder) {
  write(kProblem + "    runner: {name: sgd, lr: [0.01, 0.02, 0.03], epochs: 200}\n");
  Started first(folder(), arguments({"--json"}));
  const TemporaryFolder other;
  fs::copy_file(folder() / "c.yaml", other.path() / "c.yaml");
  Started second(other.path(), {"run", "c.yaml", "--output", (folder() / "out").string(), "--threads", "1", "--json"});
  ASSERT_EQ(first.wait().code, 0) << first.wait().err;
  ASSERT_EQ(second.wait().code, 0) << second.wait().err;
  std::map<std::string, int> performed;
  for (const Answer* answer : {&first.wait(), &second.wait()}) {
    const json all = json::parse(answer->out);
    for (const json& run : all["runs"]) {
      EXPECT_EQ(run["state"], "done");
      performed[run["id"]] += !run["reused"].get<bool>();
    }
  }
  ASSERT_EQ(performed.size(), 3u);
  for (const auto& [id, times] : performed) EXPECT_EQ(times, 1) << id;
}

}  // namespace
}  // namespace backobs::testing
