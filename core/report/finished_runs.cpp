// SPDX-License-Identifier: MIT
#include "report/finished_runs.h"

#include "campaign/campaign_folder.h"
#include "files/checksum.h"
#include "files/number_format.h"

#include <backobs/error.h>
#include <backobs/log.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <tuple>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string text_of(const Json& row, const char* value, const char* text) {
  if (row.at(value).is_number()) return shortest_real(row.at(value).get<double>());
  const std::string special = row.value(text, "NaN");
  return special == "Infinity" ? "inf" : special == "-Infinity" ? "-inf" : "NaN";
}

/// A run that is over, nothing for one that is not. Throws what nlohmann-json throws where its record is not whole.
std::optional<FinishedRun> read_run(const fs::path& folder) {
  std::ifstream stream(folder / "run.json");
  if (!stream) return std::nullopt;
  Json record = Json::parse(stream);
  const std::string state = record.at("state");
  if (state != "done" && state != "diverged") return std::nullopt;
  const Json& settings = record.at("settings");
  for (const char* name : {"problem", "runner"}) settings.at(name).get<std::string>();
  settings.at("seed").get<uint64_t>();
  record.at("campaign").get<std::string>();
  flat_settings(settings);
  return FinishedRun{folder, folder.filename(), record.value("index", int64_t{0}), std::move(record)};
}

void check_size(const fs::path& file, int64_t wanted) {
  std::error_code error;
  const auto found = static_cast<int64_t>(fs::file_size(file, error));
  if (error) throw ComputeError(file.string(), error.message(), "the run's metrics");
  if (wanted >= 0 && found != wanted)
    throw ComputeError(file.string(), std::to_string(found) + " bytes", std::to_string(wanted) + ", as run.json says");
}

}  // namespace

std::vector<FinishedRun> finished_runs(const fs::path& campaign_folder, DamagedRuns& damaged) {
  std::error_code error;
  std::vector<FinishedRun> runs;
  for (const auto& entry : fs::directory_iterator(campaign_folder / "runs", error)) try {
      if (auto run = read_run(entry.path())) runs.push_back(std::move(*run));
    } catch (const Json::exception&) {
      damaged[entry.path().filename()] = "run.json is damaged";
    }
  if (error) throw UsageError(campaign_folder.string(), "no folder `runs`", "a folder that `backobs run` made");
  const auto place = [](const FinishedRun& run) { return std::tie(run.index, run.id); };
  std::sort(runs.begin(), runs.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return runs;
}

void warn_of(const DamagedRuns& damaged) {
  for (const auto& [id, reason] : damaged) log::warn("run " + id + " is left out: " + reason);
  if (!damaged.empty())
    log::warn(std::to_string(damaged.size()) + (damaged.size() == 1 ? " run is" : " runs are") +
              " damaged; `backobs run` performs it again where it can see that, else once the run's folder is removed");
}

void tell_of_earlier_plans(const fs::path& campaign_folder) {
  std::set<std::string> planned;
  try {
    for (const PlannedRun& run : CampaignFolder(campaign_folder).planned()) planned.insert(run.id);
  } catch (const UsageError&) {
    return;  // no plan to compare with
  }
  std::error_code ignored;
  int64_t others = 0;
  for (const auto& entry : fs::directory_iterator(campaign_folder / "runs", ignored))
    if (fs::exists(entry.path() / "run.json", ignored) && !planned.count(entry.path().filename())) ++others;
  if (others > 0)
    log::info(std::to_string(others) + (others == 1 ? " run is" : " runs are") +
              " of earlier plans of this folder, and counted; to leave one out, remove its folder in " + (campaign_folder / "runs").string());
}

MetricRow metric_row(const std::string& line) {
  const Json row = Json::parse(line);
  return {row.at("step").get<int64_t>(),  row.at("epoch").get<int64_t>(),         row.at("split").get<std::string>(),
          row.at("metric").get<std::string>(), row.at("parameter").get<std::string>(), text_of(row, "value", "text"),
          shortest_real(row.at("wall_time").get<double>())};
}

void read_metrics(const FinishedRun& run, const std::function<void(const MetricRow&)>& take) {
  const fs::path file = run.folder / "metrics.ndjson";
  check_size(file, run.record.value("metrics_bytes", int64_t{-1}));
  std::ifstream stream(file);
  int64_t number = 0;
  Checksum read(Digest::sha256);
  for (std::string line; std::getline(stream, line);) {
    ++number;
    read.add(line.data(), line.size());
    read.add("\n", 1);
    MetricRow row;
    try {
      if (stream.eof()) throw ComputeError(file.string() + ":" + std::to_string(number), "a line without end", "a row of metrics");
      row = metric_row(line);
    } catch (const nlohmann::json::exception&) {
      throw ComputeError(file.string() + ":" + std::to_string(number), "`" + line.substr(0, 80) + "`", "a row of metrics");
    }
    take(row);
  }
  if (run.record.contains("metrics_sha256") && run.record["metrics_sha256"] != read.finish())
    throw ComputeError(file.string(), "other rows", "those that were written, as run.json's checksum says");
}

}  // namespace backobs
