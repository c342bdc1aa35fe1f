// SPDX-License-Identifier: MIT
// Event files, read back by a reader that shares nothing with their writer.
#include "integration/program.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <sstream>

namespace backobs::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Read {
  int code = -1;
  std::vector<json> events;
};

Read read_events(const fs::path& file) {
  const fs::path out = file.string() + ".json";
  const std::string command = "python3 '" BACKOBS_SOURCE_DIR "/tests/integration/event_file.py' '" + file.string() + "' > '" +
                              out.string() + "' 2>&1";
  Read read{std::system(command.c_str()), {}};
  std::istringstream lines(text_of(out));
  for (std::string line; read.code == 0 && std::getline(lines, line);) read.events.push_back(json::parse(line));
  return read;
}

class TensorboardTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    temporary_ = new TemporaryFolder;
    std::ofstream(folder() / "c.yaml")
        << "campaign: c\nexperiments:\n  - problem: mnist_logreg\n    source: synthetic\n    seeds: 3\n"
           "    runner: {name: sgd, lr: [0.01, 1e30], nesterov: false, epochs: 2, batch_size: 100, max_steps: 12, log_interval: 5}\n"
           "    extensions: [{name: grad_batch, every: 4, record: [mean, histogram]}]\n";
    const Answer answer = backobs(folder(), "run c.yaml --output out --threads 1");
    ASSERT_EQ(answer.code, 0) << answer.err;
  }
  static void TearDownTestSuite() { delete temporary_; }
  void SetUp() override {
    if (std::system("python3 -c 'assert __import__(\"sys\").version_info >= (3, 8)' 2> /dev/null") != 0) GTEST_SKIP() << "no python3";
  }
  static const fs::path& folder() { return temporary_->path(); }
  /// Event files below a folder, by run.
  static std::map<std::string, fs::path> files(const std::string& below) {
    std::map<std::string, fs::path> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder() / below)) {
      const std::string name = entry.path().filename(), run = entry.path().parent_path().filename();
      if (name.rfind("events.out.tfevents.", 0) == 0) all[run.substr(run.find('_') + 1)] = entry.path();
    }
    return all;
  }

 private:
  static TemporaryFolder* temporary_;
};
TemporaryFolder* TensorboardTest::temporary_ = nullptr;

using Key = std::pair<int64_t, std::string>;  // step and tag

TEST_F(TensorboardTest, HoldsEveryRowAndEverySetting) {
  EXPECT_EQ(backobs(folder(), "export out/c --format tensorboard").code, 2);
  EXPECT_EQ(backobs(folder(), "export out/c --format tensorboard --to tb --no-timing").code, 2);
  const Answer answer = backobs(folder(), "export out/c --format tensorboard --to tb");
  ASSERT_EQ(answer.code, 0) << answer.err;
  const auto all = files("tb");
  ASSERT_EQ(all.size(), 2u);
  for (const auto& [id, file] : all) {
    EXPECT_EQ(file.parent_path().parent_path().filename(), "mnist_logreg");
    const json record = json::parse(text_of(folder() / "out/c/runs" / id / "run.json"));
    const Read read = read_events(file);
    ASSERT_EQ(read.code, 0) << text_of(file.string() + ".json");
    ASSERT_GT(read.events.size(), 3u);
    EXPECT_EQ(read.events.front()["version"], "brain.Event:2");

    std::map<Key, json> scalars, histograms;
    std::map<std::string, json> told;
    double last = 0;
    for (const json& event : read.events) {
      EXPECT_GE(event["wall_time"].get<double>(), last);
      last = event["wall_time"];
      for (const json& value : event["values"]) {
        const Key key{event["step"], value["tag"]};
        if (value.contains("scalar")) scalars[key] = value["scalar"];
        if (value.contains("histogram")) histograms[key] = value["histogram"];
        if (value.contains("plugin")) told[value["tag"]] = value;
      }
    }

    std::istringstream lines(text_of(folder() / "out/c/runs" / id / "metrics.ndjson"));
    std::map<Key, double> counts;
    std::size_t expected = 0;
    for (std::string line; std::getline(lines, line);) {
      const json row = json::parse(line);
      const std::string metric = row["metric"], parameter = row["parameter"], split = row["split"];
      const std::size_t bin = metric.find('[');
      if (bin != std::string::npos && metric[bin + 1] != 'n' && metric.find("inf") == std::string::npos) {
        counts[{row["step"], metric.substr(0, bin) + "/" + parameter}] += row["value"].get<double>();
        continue;
      }
      ++expected;
      std::string tag = metric + "/" + (parameter.empty() ? split : parameter);
      if (bin != std::string::npos) tag = metric.substr(0, bin) + "." + metric.substr(bin + 1, metric.size() - bin - 2) + "/" + parameter;
      const auto found = scalars.find({row["step"], tag});
      ASSERT_NE(found, scalars.end()) << tag << " at " << row["step"];
      if (row["value"].is_number() && found->second.is_number()) {
        EXPECT_EQ(static_cast<float>(found->second.get<double>()), static_cast<float>(row["value"].get<double>())) << tag;
      } else {
        EXPECT_TRUE(found->second.is_string() || std::isnan(found->second.get<double>())) << tag << " " << found->second;
      }
    }
    EXPECT_EQ(scalars.size(), expected);
    EXPECT_EQ(histograms.size(), counts.size());
    for (const auto& [key, histogram] : histograms) {
      const auto limits = histogram["limits"].get<std::vector<double>>(), held = histogram["counts"].get<std::vector<double>>();
      ASSERT_EQ(limits.size(), held.size());
      EXPECT_EQ(histogram["num"], counts.at(key)) << key.second;
      EXPECT_TRUE(std::is_sorted(limits.begin(), limits.end()));
      EXPECT_EQ(std::adjacent_find(limits.begin(), limits.end()), limits.end());
      EXPECT_LE(histogram["min"].get<double>(), limits.front());
      EXPECT_EQ(histogram["max"], limits.back());
      EXPECT_EQ(std::accumulate(held.begin(), held.end(), 0.0), counts.at(key));
    }

    const json& settings = told.at("_hparams_/session_start_info")["hparams"]["settings"];
    EXPECT_EQ(settings["lr"], record["settings"]["runner_options"]["lr"]);
    EXPECT_EQ(settings["seed"], 3);
    EXPECT_EQ(settings["problem"], "mnist_logreg");
    EXPECT_EQ(settings["nesterov"], false);
    EXPECT_EQ(settings["grad_batch.record"], "mean histogram");
    EXPECT_EQ(settings["dtype"], "float32");
    EXPECT_EQ(told.at("_hparams_/session_end_info")["hparams"]["status"], record["state"] == "done" ? 1 : 2);
    const std::string text = told.at("settings/text_summary")["text"];
    EXPECT_EQ(told.at("settings/text_summary")["data_class"], 2);
    EXPECT_NE(text.find("\n| batch_size | 100 |\n"), std::string::npos) << text;
  }
}

TEST_F(TensorboardTest, ASecondExportReplacesTheFirst) {
  ASSERT_EQ(backobs(folder(), "export out/c --format tensorboard --to tb").code, 0);
  const auto first = files("tb");
  std::map<std::string, std::string> texts;
  for (const auto& [id, file] : first) texts[id] = text_of(file);
  ASSERT_EQ(backobs(folder(), "export out/c --format tensorboard --to tb").code, 0);
  EXPECT_EQ(files("tb"), first);
  for (const auto& [id, file] : first) EXPECT_TRUE(text_of(file) == texts[id]);
}

TEST_F(TensorboardTest, TheReaderNoticesAChangedByte) {
  ASSERT_EQ(backobs(folder(), "export out/c --format tensorboard --to tb").code, 0);
  const fs::path file = files("tb").begin()->second;
  std::string text = text_of(file);
  text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
  std::ofstream(file, std::ios::binary) << text;
  EXPECT_NE(read_events(file).code, 0);
}

}  // namespace
}  // namespace backobs::testing
