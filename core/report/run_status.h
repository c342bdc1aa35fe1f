// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/campaign_folder.h"
#include "campaign/run_folder.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace backobs {

/// Where a run stands, as its files tell it.
struct RunStatus {
  PlannedRun run;
  /// done, diverged, failed; running: a process holds its lock; interrupted: it has a checkpoint; waiting: it was never
  /// begun, or has to begin anew.
  std::string state;
  std::string reason;  ///< of a failure, or what is wrong with its files
  int64_t epoch = 0, epochs = 0, step = 0;
  std::optional<double> loss;    ///< of the last mini-batch that was logged
  std::optional<double> left_s;  ///< estimated from the epochs done, while it runs
};

/// A run's state, from its folder.
BACKOBS_API std::string run_state(const RunFolder& folder);
/// Every run of plan.json, in its order. What runs at work have logged is seen with a delay.
BACKOBS_API std::vector<RunStatus> campaign_status(const CampaignFolder& folder);

}  // namespace backobs
