// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/campaign_folder.h"
#include "report/analysis.h"
#include "report/finished_runs.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace backobs {

/// How a report ranks settings and what it counts as converged.
struct ReportChoices {
  RankBy best_by = RankBy::final;
  std::string metric;  ///< "valid accuracy"; empty: as `analyse` chooses
  std::map<std::string, double> convergence = published_convergence();
};

/// What a report shows of a campaign.
struct ReportData {
  nlohmann::ordered_json runs;         ///< one object per planned run, as report.js reads it
  nlohmann::ordered_json environment;  ///< name to the values that finished runs had
  std::vector<Setting> settings;       ///< of finished runs, ranked
  std::vector<StepCost> step_costs;
  std::string yaml;                    ///< campaign.yaml
  DamagedRuns damaged;                 ///< runs whose results could not be read
  std::size_t left_out = 0;            ///< series of quantities for which there was no room
};

/// Reads a campaign's folder. Curves are complete; series of quantities are thinned to `points` numbers in all, so that a
/// report stays small.
BACKOBS_API ReportData report_data(const CampaignFolder& folder, const ReportChoices& choices = {}, std::size_t points = 50000);

/// As report.js and `backobs report --json` have it.
BACKOBS_API nlohmann::ordered_json ranking_json(const std::vector<Setting>& settings);
BACKOBS_API nlohmann::ordered_json step_costs_json(const std::vector<StepCost>& costs);

}  // namespace backobs
