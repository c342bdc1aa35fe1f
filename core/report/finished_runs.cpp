// SPDX-License-Identifier: MIT
#include "report/finished_runs.h"

#include "files/number_format.h"

#include <backobs/error.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <tuple>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Settings that have a column of their own, say where files are, or tell again what another one says.
const std::set<std::string> kNotListed = {"problem", "runner", "seed", "data_dir", "init", "l2_reg_given"};
/// Columns that every table has; a setting of such a name gets its owner in front.
const std::set<std::string> kTaken = {"campaign", "run_id", "problem",   "runner", "seed",  "step",
                                      "epoch",    "split",  "metric", "parameter", "value", "wall_time"};

std::string value_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return shortest_real(value.get<double>());
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& item : value) text += (text.empty() ? "" : " ") + value_text(item);
  return text;
}

void add_options(std::map<std::string, std::string>& all, const Json& options, const std::string& head) {
  for (const auto& [name, value] : options.items()) all[head + name] = value_text(value);
}

std::string text_of(const Json& row, const char* value, const char* text) {
  if (row.at(value).is_number()) return shortest_real(row.at(value).get<double>());
  const std::string special = row.value(text, "NaN");
  return special == "Infinity" ? "inf" : special == "-Infinity" ? "-inf" : "NaN";
}

}  // namespace

std::vector<FinishedRun> finished_runs(const fs::path& campaign_folder) {
  std::error_code error;
  std::vector<FinishedRun> runs;
  for (const auto& entry : fs::directory_iterator(campaign_folder / "runs", error)) {
    std::ifstream stream(entry.path() / "run.json");
    Json record = stream ? Json::parse(stream, nullptr, false) : Json();
    if (!record.is_object()) continue;
    const Json state = record.value("state", Json());
    if (state != "done" && state != "diverged") continue;
    runs.push_back({entry.path(), entry.path().filename(), record.value("index", int64_t{0}), std::move(record)});
  }
  if (error) throw UsageError(campaign_folder.string(), "no folder `runs`", "a folder that `backobs run` made");
  const auto place = [](const FinishedRun& run) { return std::tie(run.index, run.id); };
  std::sort(runs.begin(), runs.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return runs;
}

MetricRow metric_row(const std::string& line) {
  const Json row = Json::parse(line);
  return {row.at("step").get<int64_t>(),  row.at("epoch").get<int64_t>(),         row.at("split").get<std::string>(),
          row.at("metric").get<std::string>(), row.at("parameter").get<std::string>(), text_of(row, "value", "text"),
          shortest_real(row.at("wall_time").get<double>())};
}

void read_metrics(const fs::path& file, const std::function<void(const MetricRow&)>& take) {
  std::ifstream stream(file);
  int64_t number = 0;
  for (std::string line; std::getline(stream, line) && !stream.eof();) {
    ++number;
    MetricRow row;
    try {
      row = metric_row(line);
    } catch (const nlohmann::json::exception&) {
      throw ComputeError(file.string() + ":" + std::to_string(number), "`" + line.substr(0, 80) + "`", "a row of metrics");
    }
    take(row);
  }
}

std::map<std::string, std::string> flat_settings(const Json& settings) {
  std::map<std::string, std::string> all;
  for (const auto& [name, value] : settings.items()) {
    if (name == "problem_options") {
      add_options(all, value, "problem.");
    } else if (name == "runner_options") {
      for (const auto& [option, held] : value.items()) all[(kTaken.count(option) ? "runner." : "") + option] = value_text(held);
    } else if (name == "extensions") {
      for (const Json& extension : value) {
        const std::string head = extension.at("name").get<std::string>() + ".";
        add_options(all, extension.at("options"), head);
        for (const char* key : {"plugin", "every", "record"}) all[head + key] = value_text(extension.at(key));
      }
    } else if (!kNotListed.count(name)) {
      all[name] = value_text(value);
    }
  }
  return all;
}

}  // namespace backobs
