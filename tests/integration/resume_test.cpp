// SPDX-License-Identifier: MIT
// Campaigns that are killed again and again end with the bytes of one that was left alone.
#include "campaign/checkpoints.h"
#include "integration/campaign_results.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>

namespace backobs::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;

/// Twelve runs of four small problems, with draws, momentum, a schedule and extensions of several kinds; `length` times
/// as long as they have to be for a few kills.
std::string twelve_runs(int64_t length) {
  const auto times = [&](int64_t count) { return std::to_string(count * length); };
  return "campaign: c\nexperiments:\n"
         "  - problem: [fmnist_logreg, mnist_logreg]\n    source: synthetic\n    seeds: [1, 2]\n"
         "    runner: {name: sgd, lr: 0.01, momentum: 0.9, epochs: 2, batch_size: 50, max_steps: " + times(40) +
         ", lr_sched_epochs: [1], lr_sched_factors: [0.5]}\n"
         "    extensions: [{name: diag_ggn_mc, record: [mean, norm]}, {name: variance, every: 3, record: [sum]}]\n"
         "  - problem: quadratic_deep\n    source: synthetic\n    seeds: [1, 2, 3, 4]\n"
         "    runner: {name: sgd, lr: 0.01, momentum: 0.5, nesterov: true, log_interval: 1, epochs: " + times(40) + "}\n"
         "    extensions: [{name: diag_ggn_mc, as: mc, mc_samples: 3, record: [max]}]\n"
         "  - problem: fmnist_mlp\n    source: synthetic\n    seeds: [1, 2]\n"
         "    runner: {name: sgd, lr: [0.1, 0.01], momentum: 0.9, epochs: 1, batch_size: 20, max_steps: " + times(10) +
         "}\n    extensions: [{name: diag_ggn_mc, record: [mean]}, {name: batch_l2, record: [max]}]\n";
}

/// Run and step of every checkpoint of a campaign.
std::set<std::pair<std::string, int64_t>> steps_of_checkpoints(const fs::path& campaign) {
  std::set<std::pair<std::string, int64_t>> all;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(campaign / "runs", ignored))
    if (const auto state = Checkpoints(entry.path()).newest(c10::kCPU))
      all.emplace(entry.path().filename(), state->integer("position/steps_done"));
  return all;
}

class ResumeTest : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(folder() / "c.yaml") << text; }
  const fs::path& folder() const { return temporary_.path(); }
  static std::vector<std::string> arguments(const std::string& output) {
    return {"run", "c.yaml", "--output", output, "--threads", "1", "--checkpoint-every", "0", "--jobs", "2"};
  }
  Answer run(const std::string& output, const std::string& more = "") {
    return backobs(folder(), "run c.yaml --threads 1 --output " + output + " " + more);
  }
  void expect_equal(const std::string& left, const std::string& right) const {
    expect_equal_results(folder() / left / "c", folder() / right / "c");
  }

 private:
  TemporaryFolder temporary_;
};

/// BACKOBS_TEST_KILLS says how many, BACKOBS_TEST_SEED which ones.
int64_t number(const char* variable, int64_t fallback) {
  const char* text = std::getenv(variable);
  return text ? std::atoll(text) : fallback;
}

/// Whether a process is there and at work: not even dead and waiting to be asked how it ended.
bool is_alive(pid_t process) {
  std::ifstream stream("/proc/" + std::to_string(process) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const std::size_t name_end = text.rfind(')');
  return name_end != std::string::npos && text.substr(name_end + 2, 1) != "Z";
}

bool dies(pid_t process) {
  for (int i = 0; i < 1000 && is_alive(process); ++i) std::this_thread::sleep_for(milliseconds(10));
  return !is_alive(process);
}

/// Kills the campaign or one of its runs at random moments, each time after a step that no kill has hit before, and
/// starts it again where it was the campaign. Every victim was at work, and is dead afterwards; with the campaign its
/// runs die. Returns how many kills there were before the campaign was over.
int64_t kill_at_random(const fs::path& folder, const std::vector<std::string>& arguments, int64_t kills, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::set<std::pair<std::string, int64_t>> seen;
  auto campaign = std::make_unique<Started>(folder, arguments);
  for (int64_t done = 0; done < kills;) {
    std::this_thread::sleep_for(milliseconds(20 + static_cast<int64_t>(random() % 200)));
    if (campaign->has_ended()) return done;
    const auto now = steps_of_checkpoints(folder / "killed" / "c");
    const auto workers = campaign->children();
    const std::size_t before = seen.size();
    seen.insert(now.begin(), now.end());
    if (workers.empty() || seen.size() == before || !std::all_of(workers.begin(), workers.end(), is_alive)) continue;
    const std::size_t victim = random() % (workers.size() + 1);
    ++done;
    if (victim < workers.size()) {
      EXPECT_EQ(::kill(workers[victim], SIGKILL), 0);
      EXPECT_TRUE(dies(workers[victim]));
    } else {
      campaign->kill(SIGKILL);
      campaign->wait();
      for (const pid_t worker : workers) EXPECT_TRUE(dies(worker)) << "a run outlives its campaign";
      campaign = std::make_unique<Started>(folder, arguments);
    }
  }
  return kills;
}

TEST_F(ResumeTest, KilledAtRandomItEndsWithTheSameBytes) {
  const int64_t kills = number("BACKOBS_TEST_KILLS", 5), seed = number("BACKOBS_TEST_SEED", 42);
  write(twelve_runs((kills + 2) / 3));
  const Answer whole = run("whole", "--jobs 2");
  ASSERT_EQ(whole.code, 0) << whole.err;
  SCOPED_TRACE("seed " + std::to_string(seed));
  EXPECT_EQ(kill_at_random(folder(), arguments("killed"), kills, static_cast<uint64_t>(seed)), kills)
      << "the campaign was over before";
  Answer last = run("killed", "--jobs 2");
  ASSERT_EQ(last.code, 0) << last.err;
  expect_equal("whole", "killed");
  const std::string csv = "--format csv --no-timing";
  EXPECT_TRUE(backobs(folder(), "export whole/c " + csv).out == backobs(folder(), "export killed/c " + csv).out);
}

/// What a parent is not there to see: the run stands where the next process can find it.
TEST_F(ResumeTest, RefusesAnotherMachineUnlessAllowed) {
  write("campaign: c\nexperiments:\n  - problem: quadratic_deep\n    source: synthetic\n"
        "    runner: {name: sgd, lr: 0.01, epochs: 1000}\n");
  Started started(folder(), arguments("out"));
  const fs::path runs = folder() / "out/c/runs";
  for (int i = 0; i < 6000 && steps_of_checkpoints(folder() / "out/c").empty(); ++i)
    std::this_thread::sleep_for(milliseconds(10));
  started.kill(SIGTERM);
  ASSERT_EQ(started.wait().code, 75) << started.wait().err;

  // LibTorch takes other instructions, and the bits would be others.
  const std::string other = "ATEN_CPU_CAPABILITY=default ";
  const Answer refused = backobs_with(other, folder(), "run c.yaml --output out --threads 1");
  EXPECT_EQ(refused.code, 1) << refused.err;
  EXPECT_NE(refused.err.find("cpu_capability: found "), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("--allow-drift"), std::string::npos) << refused.err;
  const Answer allowed = backobs_with(other, folder(), "run c.yaml --output out --threads 1 --allow-drift");
  EXPECT_EQ(allowed.code, 0) << allowed.err;
  for (const auto& entry : fs::directory_iterator(runs)) {
    const json record = json::parse(text_of(entry.path() / "run.json"));
    EXPECT_EQ(record["interruptions"], 1);
    EXPECT_EQ(Checkpoints::files(entry.path()).size(), 0u);
  }
}

TEST_F(ResumeTest, StartsFromSavedParameters) {
  const std::string problem = "campaign: c\nexperiments:\n  - problem: fmnist_logreg\n    source: synthetic\n";
  write(problem + "    runner: {name: sgd, lr: 0.1, epochs: 1, batch_size: 100, max_steps: 5}\n");
  ASSERT_EQ(run("first").code, 0);
  const fs::path runs = folder() / "first/c/runs";
  const fs::path parameters = fs::directory_iterator(runs)->path() / "parameters.pt";
  ASSERT_TRUE(fs::exists(parameters));
  write(problem + "    init: " + parameters.string() +
        "\n    runner: {name: sgd, lr: 0.1, epochs: 0, batch_size: 100}\n");
  const Answer second = run("second");
  ASSERT_EQ(second.code, 0) << second.err;
  const json before = json::parse(text_of(fs::directory_iterator(runs)->path() / "run.json"));
  const json after = json::parse(text_of(fs::directory_iterator(folder() / "second/c/runs")->path() / "run.json"));
  EXPECT_EQ(after["final"]["test_loss"], before["final"]["test_loss"]);
  EXPECT_EQ(after["settings"]["init_digest"].get<std::string>().size(), 64u);

  write("campaign: c\nexperiments:\n  - problem: fmnist_mlp\n    source: synthetic\n    init: " + parameters.string() +
        "\n    runner: {name: sgd, lr: 0.1, epochs: 0}\n");
  const Answer wrong = run("third");
  EXPECT_EQ(wrong.code, 3);
  EXPECT_NE(wrong.err.find("c.yaml:5:11: init "), std::string::npos) << wrong.err;
  EXPECT_NE(wrong.err.find("no tensor `"), std::string::npos) << wrong.err;
  write(problem + "    init: nowhere.pt\n    runner: {name: sgd, lr: 0.1}\n");
  EXPECT_EQ(run("third").code, 3);
}

TEST_F(ResumeTest, EndsEarly) {
  write("campaign: c\nexperiments:\n  - problem: quadratic_deep\n    source: synthetic\n"
        "    runner: {name: sgd, lr: 0, epochs: 1000, patience: 3}\n"
        "  - problem: quadratic_deep\n    source: synthetic\n"
        "    runner: {name: sgd, lr: 0, epochs: 100000, max_time: 0.5}\n");
  const Answer answer = run("out");
  ASSERT_EQ(answer.code, 0) << answer.err;
  std::map<std::string, json> by_reason;
  for (const auto& entry : fs::directory_iterator(folder() / "out/c/runs")) {
    const json record = json::parse(text_of(entry.path() / "run.json"));
    EXPECT_EQ(record["state"], "done");
    by_reason[record["stopped_by"]] = record;
  }
  ASSERT_EQ(by_reason.size(), 2u);
  const json& patient = by_reason.at("patience");
  const json curves = json::parse(text_of(folder() / "out/c/runs" / patient["id"].get<std::string>() / "deepobs.json"));
  EXPECT_EQ(curves["valid_losses"].size(), 4u);  // nothing is better than the first
  EXPECT_GE(by_reason.at("max_time")["durations"]["training_s"], 0.5);
}

}  // namespace
}  // namespace backobs::testing
