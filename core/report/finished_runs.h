// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include "campaign/flat_settings.h"

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

/// Runs that are over, but whose files cannot be read, by id, with the reason. They are left out of what is made of a
/// campaign, never silently.
using DamagedRuns = std::map<std::string, std::string>;

/// In the order of index and id; those with a damaged run.json go to `damaged`. Throws UsageError for a folder without
/// `runs`.
BACKOBS_API std::vector<FinishedRun> finished_runs(const std::filesystem::path& campaign_folder, DamagedRuns& damaged);
/// Tells them on stderr, each with its reason, and how many there are.
BACKOBS_API void warn_of(const DamagedRuns& damaged);

/// Tells on stderr how many runs the folder holds that are not in its present plan: results count them as well.
BACKOBS_API void tell_of_earlier_plans(const std::filesystem::path& campaign_folder);

/// One line of metrics.ndjson. Numbers as text: "0.25", "NaN", "inf", "-inf".
struct MetricRow {
  int64_t step = 0, epoch = 0;
  std::string split, metric, parameter, value, wall_time;
};

/// Every row of a run's metrics log, in order. Throws ComputeError with the line for one that is no row, and for a log that
/// is missing or not as long as run.json says.
BACKOBS_API void read_metrics(const FinishedRun& run, const std::function<void(const MetricRow&)>& take);
/// One line.
BACKOBS_API MetricRow metric_row(const std::string& line);

}  // namespace backobs
