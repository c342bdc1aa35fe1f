// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

/// What a campaign's folder holds of runs that are over, read from its files alone.
namespace backobs {

/// A run that is done or diverged.
struct FinishedRun {
  std::filesystem::path folder;
  std::string id;
  int64_t index = 0;              ///< in the plan it was run from
  nlohmann::ordered_json record;  ///< its run.json
};

/// In the order of index and id. Throws UsageError for a folder without `runs`.
BACKOBS_API std::vector<FinishedRun> finished_runs(const std::filesystem::path& campaign_folder);

/// One line of metrics.ndjson. Numbers as text: "0.25", "NaN", "inf", "-inf".
struct MetricRow {
  int64_t step = 0, epoch = 0;
  std::string split, metric, parameter, value, wall_time;
};

/// Every row of a metrics log, in order; a last line without an end is left out. Throws ComputeError with the line for
/// one that is no row.
BACKOBS_API void read_metrics(const std::filesystem::path& file, const std::function<void(const MetricRow&)>& take);
/// One line.
BACKOBS_API MetricRow metric_row(const std::string& line);

/// One entry per effective setting of `settings` in run.json, as text: runner and loop options by their names, others as
/// `problem.OPTION` and `EXTENSION.OPTION`. Problem, runner, seed and places of files are not among them.
BACKOBS_API std::map<std::string, std::string> flat_settings(const nlohmann::ordered_json& settings);

}  // namespace backobs
