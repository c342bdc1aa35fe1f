// SPDX-License-Identifier: MIT
// What other programs and people get to see of a campaign: export, status, clean.
#include "data/pt_file.h"
#include "integration/program.h"
#include "unit/temporary_folder.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

namespace backobs::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Row = std::map<std::string, std::string>;

/// A small reader of RFC 4180, written apart from the writer.
std::vector<std::vector<std::string>> fields_of(const std::string& text) {
  std::vector<std::vector<std::string>> lines(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"')
      lines.back().back() += text[++i];
    else if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      lines.back().emplace_back();
    else if (c == '\n' && !quoted)
      lines.push_back({""});
    else
      lines.back().back() += c;
  }
  lines.pop_back();
  return lines;
}

std::vector<Row> rows_of(const std::string& text) {
  const auto lines = fields_of(text);
  std::vector<Row> rows;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].size(), lines[0].size());
    rows.emplace_back();
    for (std::size_t j = 0; j < lines[0].size(); ++j) rows.back()[lines[0][j]] = lines[i].at(j);
  }
  return rows;
}

const std::string kPlugins = " --plugin-path '" BACKOBS_BUILD_DIR "/bad_plugins'";

class ExportTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    temporary_ = new TemporaryFolder;
    std::ofstream(folder() / "c.yaml")
        << "campaign: c\nexperiments:\n  - problem: quadratic_deep\n    source: synthetic\n    seeds: [1, 2]\n"
           "    runner: {name: sgd, lr: [0.01, 1e30], epochs: 2, lr_sched_epochs: [1], lr_sched_factors: [0.5]}\n"
           "    extensions: [{name: diag_ggn_mc, as: mc, mc_samples: 2, record: [mean, max]}]\n"
           "  - problem: quadratic_deep\n    source: synthetic\n    runner: {name: sgd, lr: 0.01}\n"
           "    extensions: [{name: fails_at_step, how: throw}]\n";
    const Answer answer = backobs(folder(), "run c.yaml --output out --threads 1" + kPlugins);
    ASSERT_EQ(answer.code, 1) << answer.err;
  }
  static void TearDownTestSuite() { delete temporary_; }
  static const fs::path& folder() { return temporary_->path(); }
  static json records() {
    json all = json::object();
    for (const auto& entry : fs::directory_iterator(folder() / "out/c/runs"))
      all[entry.path().filename().string()] = json::parse(text_of(entry.path() / "run.json"));
    return all;
  }

 private:
  static TemporaryFolder* temporary_;
};
TemporaryFolder* ExportTest::temporary_ = nullptr;

TEST_F(ExportTest, CsvHasEveryRowWithItsSettings) {
  const Answer answer = backobs(folder(), "export out/c --format csv");
  ASSERT_EQ(answer.code, 0) << answer.err;
  EXPECT_EQ(answer.out.rfind("campaign,run_id,problem,runner,seed,step,epoch,split,metric,parameter,value,wall_time,", 0), 0u);
  const auto rows = rows_of(answer.out);
  const json all = records();
  std::map<std::string, std::size_t> next;
  std::map<std::string, std::vector<json>> wanted;
  for (const auto& [id, record] : all.items()) {
    if (record["state"] == "failed") continue;
    std::istringstream lines(text_of(folder() / "out/c/runs" / id / "metrics.ndjson"));
    for (std::string line; std::getline(lines, line);) wanted[id].push_back(json::parse(line));
  }
  ASSERT_EQ(wanted.size(), 4u);
  for (const Row& row : rows) {
    const std::string& id = row.at("run_id");
    ASSERT_LT(next[id], wanted[id].size());
    const json& line = wanted[id][next[id]++];
    const json& settings = all[id]["settings"];
    EXPECT_EQ(row.at("step"), line["step"].dump());
    EXPECT_EQ(row.at("metric"), line["metric"]);
    EXPECT_EQ(row.at("parameter"), line["parameter"]);
    const double value = std::stod(row.at("value"));
    if (line["value"].is_number()) {
      EXPECT_EQ(value, line["value"].get<double>());
    } else {
      EXPECT_FALSE(std::isfinite(value)) << row.at("value");
    }
    EXPECT_EQ(std::stod(row.at("lr")), settings["runner_options"]["lr"].get<double>());
    EXPECT_EQ(row.at("seed"), settings["seed"].dump());
    EXPECT_EQ(row.at("mc.mc_samples"), "2");
    EXPECT_EQ(row.at("mc.record"), "mean max");
    EXPECT_EQ(row.at("lr_sched_epochs"), "1");
    EXPECT_EQ(row.at("threads"), "1");
  }
  for (const auto& [id, lines] : wanted) EXPECT_EQ(next[id], lines.size()) << id;
}

TEST_F(ExportTest, WithoutTimingNothingDiffersBetweenRepetitions) {
  const Answer first = backobs(folder(), "export out/c --format csv --no-timing --to first.csv");
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_TRUE(first.out.empty());
  ASSERT_EQ(backobs(folder(), "run c.yaml --output again --threads 1 --jobs 3" + kPlugins).code, 1);
  EXPECT_TRUE(backobs(folder(), "export again/c --format csv --no-timing").out == text_of(folder() / "first.csv"));
}

/// A Python that has this module; empty: none.
std::string python_with(const std::string& module) {
  for (const std::string python : {"python3", "/usr/bin/python3"})
    if (std::system((python + " -c 'import " + module + "' > /dev/null 2>&1").c_str()) == 0) return python;
  return "";
}

/// What tests/integration/read_back.py prints of these files.
json read_back(const std::string& python, const fs::path& folder, const std::string& arguments) {
  const fs::path out = folder / ".read_back";
  const std::string command = "cd '" + folder.string() + "' && " + python + " '" BACKOBS_SOURCE_DIR "/tests/integration/read_back.py' " +
                              arguments + " > '" + out.string() + "' 2> '" + out.string() + ".err'";
  EXPECT_EQ(std::system(command.c_str()), 0) << text_of(out.string() + ".err");
  return json::parse(text_of(out), nullptr, false);
}

TEST_F(ExportTest, PandasReadsTheTable) {
  const std::string python = python_with("pandas");
  if (python.empty()) GTEST_SKIP() << "no pandas";
  ASSERT_EQ(backobs(folder(), "export out/c --format csv --to t.csv").code, 0);
  const auto rows = rows_of(text_of(folder() / "t.csv"));
  const json table = read_back(python, folder(), "csv t.csv")["t.csv"];
  EXPECT_EQ(table["rows"], rows.size());
  EXPECT_EQ(table["columns"].size(), rows.front().size());
  const std::set<std::string> numbers(table["numbers"].begin(), table["numbers"].end());
  for (const char* name : {"seed", "step", "epoch", "value", "wall_time", "lr", "batch_size", "mc.mc_samples"}) EXPECT_TRUE(numbers.count(name)) << name;
  for (const char* name : {"run_id", "problem", "split", "metric", "parameter"}) EXPECT_FALSE(numbers.count(name)) << name;
  std::map<std::string, double> sums;
  for (const Row& row : rows)
    if (const double value = std::stod(row.at("value")); row.at("metric") == "loss" && std::abs(value) < 1e300) sums[row.at("run_id")] += value;
  ASSERT_EQ(sums.size(), 4u);
  for (const auto& [run, sum] : sums) EXPECT_NEAR(table["finite_losses"][run].get<double>(), sum, 1e-9 * std::abs(sum)) << run;
}

TEST_F(ExportTest, TorchLoadsParametersAndTensors) {
  const std::string python = python_with("torch");
  if (python.empty()) GTEST_SKIP() << "no torch";
  std::ofstream(folder() / "s.yaml") << "campaign: s\nexperiments:\n  - problem: fmnist_mlp\n    source: synthetic\n"
                                        "    runner: {name: sgd, lr: 0.01, epochs: 1, max_steps: 2, batch_size: 3}\n"
                                        "    extensions: [{name: kfac, save: tensors}, {name: batch_l2, save: tensors}]\n";
  ASSERT_EQ(backobs(folder(), "run s.yaml --output out --threads 1").code, 0);
  std::string files;
  std::vector<fs::path> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder() / "out/s/runs"))
    if (entry.path().extension() == ".pt") {
      all.push_back(entry.path());
      files += " '" + entry.path().string() + "'";
    }
  ASSERT_EQ(all.size(), 5u);  // two steps of two extensions, and the parameters
  const json read = read_back(python, folder(), "pt" + files);
  for (const fs::path& file : all) {
    const auto tensors = read_pt(file);
    const json& found = read[file.string()];
    ASSERT_EQ(found.size(), tensors.size()) << file;
    for (const auto& [name, value] : tensors) {
      ASSERT_TRUE(found.contains(name)) << name;
      EXPECT_EQ(found[name]["shape"], json(value.sizes().vec())) << name;
      EXPECT_EQ(found[name]["type"], "torch.float32") << name;
      const at::Tensor exact = value.to(at::kDouble);
      EXPECT_NEAR(found[name]["sum"].get<double>(), exact.sum().item<double>(), 1e-6 * exact.abs().sum().item<double>()) << name;
      EXPECT_NEAR(found[name]["squares"].get<double>(), exact.square().sum().item<double>(), 1e-6 * exact.square().sum().item<double>()) << name;
    }
  }
}

TEST_F(ExportTest, DeepobsTreeHoldsTheFinishedRuns) {
  EXPECT_EQ(backobs(folder(), "export out/c --format deepobs").code, 2);
  const Answer answer = backobs(folder(), "export out/c --format deepobs --to tree");
  ASSERT_EQ(answer.code, 0) << answer.err;
  std::set<int> seeds;
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder() / "tree/quadratic_deep/SGD")) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const std::string name = entry.path().filename();
    seeds.insert(std::stoi(name.substr(std::string("random_seed__").size())));
  }
  EXPECT_EQ(files, 4u);
  EXPECT_EQ(seeds, (std::set<int>{1, 2}));
}

TEST_F(ExportTest, StatusTellsEveryState) {
  const Answer answer = backobs(folder(), "status out/c --json");
  ASSERT_EQ(answer.code, 0) << answer.err;
  const json status = json::parse(answer.out);
  ASSERT_EQ(status["runs"].size(), 5u);
  for (const json& run : status["runs"]) {
    const json record = records()[run["id"].get<std::string>()];
    EXPECT_EQ(run["state"], record["state"]);
    EXPECT_EQ(run["index"], record["index"]);
    if (run["state"] == "done") {
      EXPECT_EQ(run["epoch"], 2);
    }
    if (run["state"] == "failed") {
      EXPECT_NE(run["reason"].get<std::string>().find("thrown on purpose"), std::string::npos);
    }
  }
  EXPECT_NE(backobs(folder(), "status out/c").out.find("diverged"), std::string::npos);
  EXPECT_EQ(backobs(folder(), "status .").code, 2);
}

TEST_F(ExportTest, StatusExplainsReuse) {
  const json done = json::parse(backobs(folder(), "status out/c --explain 0 --json").out);
  EXPECT_EQ(done["verdict"].get<std::string>().rfind("reused", 0), 0u) << done;
  EXPECT_EQ(done["plugins"], "the same as now");
  EXPECT_EQ(done["machine"], "the same as now");
  const json failed = json::parse(backobs(folder(), "status out/c --explain 4 --json" + kPlugins).out);
  EXPECT_EQ(failed["verdict"].get<std::string>().rfind("performed again", 0), 0u) << failed;
  // After an edit of the file: what makes the run another one.
  fs::copy(folder() / "out", folder() / "edited", fs::copy_options::recursive);
  const Answer only = backobs(folder(), "run c.yaml --output edited --threads 1 --only 4 --set experiments.0.runner.momentum=0.5" + kPlugins);
  EXPECT_EQ(only.code, 1) << only.err;
  const json edited = json::parse(backobs(folder(), "status edited/c --explain 0 --json").out);
  EXPECT_EQ(edited["verdict"].get<std::string>().rfind("performed: ", 0), 0u) << edited;
  EXPECT_EQ(edited["changed"], "nearest is " + json::parse(backobs(folder(), "status out/c --json").out)["runs"][0]["id"].get<std::string>() +
                                   ", with momentum: 0, now 0.5");
  EXPECT_FALSE(done.contains("changed"));
  const Answer unknown = backobs(folder(), "status out/c --explain 9");
  EXPECT_EQ(unknown.code, 2);
}

TEST_F(ExportTest, ReportIsOnePageWithEverything) {
  const Answer answer = backobs(folder(), "report out/c --to report.html");
  ASSERT_EQ(answer.code, 0) << answer.err;
  const std::string page = text_of(folder() / "report.html");
  EXPECT_LT(page.size(), 250000u);
  EXPECT_EQ(page.find("{{"), std::string::npos);
  for (const char* other : {"<link", "<img", "@import", "src=", "fetch("}) EXPECT_EQ(page.find(other), std::string::npos) << other;
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const std::size_t at = page.find(open) + open.size();
  const json data = json::parse(page.substr(at, page.find("</script>", at) - at));
  ASSERT_EQ(data["runs"].size(), 5u);
  for (const json& run : data["runs"]) {
    const json record = records()[run["id"].get<std::string>()];
    EXPECT_EQ(run["state"], record["state"]);
    if (run["state"] != "done") continue;
    const json curves = json::parse(text_of(folder() / "out/c/runs" / run["id"].get<std::string>() / "deepobs.json"));
    ASSERT_EQ(run["curves"]["valid loss"].size(), 3u);
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(run["curves"]["valid loss"][i], curves["valid_losses"][i], 1e-4 * curves["valid_losses"][i].get<double>());
    EXPECT_EQ(run["quantities"]["mini-batch loss"]["x"], (json{0, 7}));
    for (const auto& [name, series] : run["quantities"].items()) {
      EXPECT_EQ(series["y"].size(), series["x"].size()) << name;
      if (name.rfind("mc.", 0) == 0) {
        EXPECT_EQ(series["x"].size(), 14u) << name;
      }
    }
    EXPECT_EQ(run["quantities"].size(), 3u);  // the loss, and two reductions of the only parameter
  }
  EXPECT_NE(page.find("campaign: c\nexperiments:"), std::string::npos);
}

TEST_F(ExportTest, ReportRanksSettingsAndTellsSpeedAndCosts) {
  const json report = json::parse(backobs(folder(), "report out/c --json").out);
  EXPECT_EQ(report["best_by"], "final");
  ASSERT_EQ(report["settings"].size(), 2u);
  for (const json& setting : report["settings"]) {
    const bool diverged = setting["setting"] == "lr=1e+30";
    EXPECT_TRUE(diverged || setting["setting"] == "lr=0.01") << setting;
    EXPECT_EQ(setting["runs"].size(), 2u);
    EXPECT_EQ(setting["diverged"], diverged ? 2 : 0);
    EXPECT_EQ(setting["rank"]["final"], diverged ? 2 : 1);
    EXPECT_EQ(setting["performance_of"], "test loss");
    EXPECT_EQ(setting["speed"], 3);  // two epochs do not converge
    EXPECT_EQ(setting["reached"], 0);
    double sum = 0;
    for (const json& id : setting["runs"]) {
      const json curves = json::parse(text_of(folder() / "out/c/runs" / id.get<std::string>() / "deepobs.json"));
      sum += curves["test_losses"].back().get<double>();
    }
    EXPECT_NEAR(setting["metrics"]["test loss"]["final"], sum / 2, 1e-4 * sum);
  }
  ASSERT_FALSE(report["step_costs"].empty());
  EXPECT_EQ(report["step_costs"][0]["extensions"], "mc");
  EXPECT_TRUE(report["step_costs"][0]["plain_ms"].is_null());

  const Answer text = backobs(folder(), "report out/c --best-by best --metric test_loss");
  ASSERT_EQ(text.code, 0) << text.err;
  for (const char* part : {"settings, best first:\n", "quadratic_deep  1     sgd     lr=0.01   2      0         test loss", " in epoch 2 ",
                           "performance and speed of the best setting of each runner:\n", "1.754", "3 epochs", "extensions due"})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
  std::ofstream(folder() / "easy.json") << "{\"quadratic_deep\": 100}";
  const json easy = json::parse(backobs(folder(), "report out/c --json --convergence easy.json").out)["settings"][0];
  EXPECT_EQ(easy["speed"], 0);
  EXPECT_EQ(easy["reached"], 2);
  std::ofstream(folder() / "slip.json") << "{\"quadratic_depe\": 100, \"fmnist_2c2d\": 0.9}";
  const Answer slip = backobs(folder(), "report out/c --convergence slip.json");
  EXPECT_NE(slip.err.find("no run of `quadratic_depe`; nearest: `quadratic_deep`"), std::string::npos) << slip.err;
  EXPECT_EQ(slip.err.find("fmnist_2c2d"), std::string::npos);
  for (const char* wrong : {"--best-by bets", "--metric loss", "--convergence nowhere.json", "--json --to x.html"})
    EXPECT_EQ(backobs(folder(), std::string("report out/c ") + wrong).code, 2) << wrong;
}

TEST_F(ExportTest, ReportNamesTheCommandThatRepeatsIt) {
  std::ofstream(folder() / "r.yaml") << "campaign: r\nexperiments:\n  - {problem: quadratic_deep, runner: {name: sgd, lr: 1, epochs: 0}}\n";
  ASSERT_EQ(backobs(folder(), "run r.yaml --output out --source synthetic --threads 1 --set 'runner.lr=[0.1, 0.2]'").code, 0);
  ASSERT_EQ(backobs(folder(), "report out/r --to r.html").code, 0);
  const std::string page = text_of(folder() / "r.html");
  EXPECT_NE(page.find("backobs run campaign.yaml --source synthetic --threads 1 --set 'runner.lr=[0.1, 0.2]'"), std::string::npos);
}

/// The page as a browser sees it once its script has run; nothing where there is no browser.
std::string drawn(const fs::path& folder, const std::string& page) {
  if (std::system("command -v chromium > /dev/null 2>&1") != 0) return "";
  const std::string command = "cd '" + folder.string() + "' && HOME='" + folder.string() +
                              "' chromium --headless --no-sandbox --disable-gpu --enable-logging=stderr --virtual-time-budget=3000 "
                              "--dump-dom 'file://" + (folder / page).string() + "' > .dom 2> .console";
  return std::system(command.c_str()) == 0 ? text_of(folder / ".dom") : "";
}

TEST_F(ExportTest, ReportDrawsInABrowserWithoutComplaint) {
  ASSERT_EQ(backobs(folder(), "report out/c --to drawn.html").code, 0);
  const std::string page = drawn(folder(), "drawn.html");
  if (page.empty()) GTEST_SKIP() << "no chromium";
  const std::string console = text_of(folder() / ".console");
  EXPECT_EQ(console.find("CONSOLE"), std::string::npos) << console;
  EXPECT_NE(page.find("<path d=\"M"), std::string::npos);
  EXPECT_NE(page.find("mini-batch loss"), std::string::npos);
  EXPECT_NE(page.find("Not compared: these runs are of synthetic data."), std::string::npos);
  for (const char* caption : {"settings ranked by the mean over seeds at the end", "performance and speed of the settings that are best by",
                              "time of training steps by the extensions due", "final valid loss of quadratic_deep by the values"})
    EXPECT_NE(page.find("<caption class=\"dim\">" + std::string(caption)), std::string::npos) << caption;
}

TEST_F(ExportTest, ReportComparesWithPublishedCurves) {
  std::ofstream(folder() / "b.yaml") << "campaign: b\nexperiments:\n  - problem: quadratic_deep\n    seeds: [1, 2, 3]\n"
                                        "    runner: {name: sgd, lr: [0.79244660, 0.001], epochs: 4}\n";
  ASSERT_EQ(backobs(folder(), "run b.yaml --output out --threads 1").code, 0);
  ASSERT_EQ(backobs(folder(), "report out/b --to b.html").code, 0);
  const std::string text = text_of(folder() / "b.html"), open = "id=\"data\">";
  const std::size_t at = text.find(open) + open.size();
  const json published = json::parse(text.substr(at, text.find("</script>", at) - at))["baselines"]["quadratic_deep"];
  ASSERT_EQ(published["optimizers"].size(), 3u);
  EXPECT_EQ(published["caveats"].size(), 2u);
  EXPECT_EQ(published["optimizers"][0]["test loss"]["mean"].size(), 101u);
  EXPECT_NEAR(published["optimizers"][0]["test loss"]["mean"][0], 7.0689, 1e-4);  // 353.4468 / 50
  const std::string page = drawn(folder(), "b.html");
  if (page.empty()) GTEST_SKIP() << "no chromium";
  // The best setting, after four epochs: near the published curve of gradient descent.
  const std::size_t row = page.find("<td>GradientDescentOptimizer</td>");
  ASSERT_NE(row, std::string::npos);
  const std::string cells = page.substr(row, page.find("</tr>", row) - row);
  EXPECT_NE(cells.find("<td class=\"number\">4</td>"), std::string::npos) << cells;
  EXPECT_NE(cells.find("<td>inside</td>"), std::string::npos) << cells;
}

/// What cannot be read is left out and told, and the rest is as it was.
TEST_F(ExportTest, DamagedRunsAreLeftOutAndTold) {
  fs::copy(folder() / "out", folder() / "hurt", fs::copy_options::recursive);
  std::vector<std::string> ids;
  const json all = records();
  for (const auto& [id, record] : all.items())
    if (record["state"] == "done" || record["state"] == "diverged") ids.push_back(id);
  ASSERT_EQ(ids.size(), 4u);
  const fs::path runs = folder() / "hurt/c/runs";
  std::ofstream(runs / ids[0] / "run.json") << "{\"id\": ";
  fs::resize_file(runs / ids[1] / "metrics.ndjson", fs::file_size(runs / ids[1] / "metrics.ndjson") - 10);
  fs::remove(runs / ids[2] / "metrics.ndjson");
  const Answer answer = backobs(folder(), "export hurt/c --format csv --no-timing");
  EXPECT_EQ(answer.code, 0) << answer.err;
  for (int i = 0; i < 3; ++i) EXPECT_NE(answer.err.find("run " + ids[i] + " is left out: "), std::string::npos) << answer.err;
  EXPECT_NE(answer.err.find("3 runs are damaged"), std::string::npos) << answer.err;
  std::string wanted;
  std::istringstream lines(backobs(folder(), "export out/c --format csv --no-timing").out);
  for (std::string line; std::getline(lines, line);)
    if (wanted.empty() || line.find("," + ids[3] + ",") != std::string::npos) wanted += line + "\n";
  EXPECT_EQ(rows_of(answer.out).size(), rows_of(wanted).size());
  EXPECT_NE(answer.out.find(ids[3]), std::string::npos);

  const Answer report = backobs(folder(), "report hurt/c --to hurt.html");
  EXPECT_EQ(report.code, 0) << report.err;
  EXPECT_NE(report.err.find("3 runs are damaged"), std::string::npos) << report.err;
  EXPECT_NE(text_of(folder() / "hurt.html").find("\"state\":\"damaged\""), std::string::npos);
  const json status = json::parse(backobs(folder(), "status hurt/c --json").out);
  for (const json& run : status["runs"])
    if (run["id"] == ids[0]) {
      EXPECT_NE(run["reason"].get<std::string>().find("damaged"), std::string::npos);
    } else if (run["id"] == ids[1] || run["id"] == ids[2]) {
      EXPECT_EQ(run["state"], "damaged");
    }
}

TEST_F(ExportTest, ChangedRowsAreNotTakenForTrue) {
  fs::copy(folder() / "out", folder() / "changed", fs::copy_options::recursive);
  const json all = records();
  const auto run = std::find_if(all.items().begin(), all.items().end(), [](const auto& one) { return one.value()["state"] == "done"; });
  const fs::path metrics = folder() / "changed/c/runs" / run.key() / "metrics.ndjson";
  std::string text = text_of(metrics);
  const auto digit = text.find("\"value\":") + 8;
  text[digit] = text[digit] == '9' ? '8' : '9';
  std::ofstream(metrics) << text;
  const Answer answer = backobs(folder(), "export changed/c --format csv");
  EXPECT_NE(answer.err.find("run " + run.key() + " is left out: "), std::string::npos) << answer.err;
  EXPECT_EQ(answer.out.find("," + run.key() + ","), std::string::npos);
}

TEST_F(ExportTest, CsvReplacesRegularFilesAlone) {
  fs::create_directory(folder() / "a_folder");
  EXPECT_EQ(backobs(folder(), "export out/c --format csv --to a_folder").code, 1);
  EXPECT_EQ(backobs(folder(), "export out/c --format csv --to /dev/null").code, 1);
  EXPECT_FALSE(fs::exists("/dev/null.part") || fs::exists(folder() / "a_folder.part"));
  std::ofstream(folder() / "kept.csv") << "old";
  fs::create_symlink("kept.csv", folder() / "link.csv");
  EXPECT_EQ(backobs(folder(), "export out/c --format csv --to link.csv").code, 0);
  EXPECT_TRUE(fs::is_symlink(folder() / "link.csv"));
  EXPECT_EQ(text_of(folder() / "kept.csv").find("campaign,"), 0u);
}

TEST_F(ExportTest, APlanThatIsDamagedIsToldSo) {
  fs::create_directories(folder() / "senseless/runs");
  for (const char* text : {"[]", "{", "{\"campaign\":\"c\",\"runs\":[null]}", "{\"campaign\":\"c\",\"runs\":[{\"index\":\"x\",\"id\":7}]}",
                           "{\"campaign\":\"c\",\"runs\":[{\"index\":0,\"id\":\"../../etc\"}]}"}) {
    std::ofstream(folder() / "senseless/plan.json") << text;
    const Answer answer = backobs(folder(), "status senseless");
    EXPECT_EQ(answer.code, 2) << text;
    EXPECT_NE(answer.err.find("plan.json: found a damaged file"), std::string::npos) << answer.err;
  }
}

TEST_F(ExportTest, CleanRemovesLeftoversOfFinishedRunsAlone) {
  const json all = records();
  for (const auto& [id, record] : all.items())
    for (const char* file : {"checkpoint-0", "metrics.ndjson.part"})
      std::ofstream(folder() / "out/c/runs" / id / file) << std::string(1000, 'x');
  const json cleaned = json::parse(backobs(folder(), "clean out/c --json").out);
  EXPECT_EQ(cleaned["files"], 8);
  EXPECT_EQ(cleaned["bytes"], 8000);
  for (const auto& [id, record] : all.items())
    EXPECT_EQ(fs::exists(folder() / "out/c/runs" / id / "checkpoint-0"), record["state"] == "failed");
}

}  // namespace
}  // namespace backobs::testing
