// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/campaign_folder.h"
#include "report/finished_runs.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>

namespace backobs {

/// What a report shows of a campaign.
struct ReportData {
  nlohmann::ordered_json runs;         ///< one object per planned run, as report.js reads it
  nlohmann::ordered_json environment;  ///< name to the values that finished runs had
  std::string yaml;                    ///< campaign.yaml
  DamagedRuns damaged;                 ///< runs whose results could not be read
  std::size_t left_out = 0;            ///< series of quantities for which there was no room
};

/// Reads a campaign's folder. Curves are complete; series of quantities are thinned to `points` numbers in all, so that a
/// report stays small.
BACKOBS_API ReportData report_data(const CampaignFolder& folder, std::size_t points = 50000);

}  // namespace backobs
