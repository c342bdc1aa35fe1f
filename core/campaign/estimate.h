// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/settings.h"
#include "host/registry.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <vector>

namespace backobs {

/// What a run costs, measured by a few of its steps and evaluations.
struct Costs {
  double set_up_s = 0, evaluation_s = 0, plain_step_s = 0;
  double process_mib = 0;  ///< peak of the process that measured
  int64_t steps_per_epoch = 0;
  /// By `every`: what steps at which these extensions are due take longer, and leave in files.
  std::map<int64_t, double> extra_s, extra_bytes;
  /// Of an extension with a budget, in per cent.
  struct Budgeted {
    double budget = 0, extra_s = 0, extra_bytes = 0;
  };
  std::vector<Budgeted> budgeted;
  double parameter_bytes = 0;
};

/// Loads the data and does at least two steps and evaluations of each kind. Throws what a run would.
BACKOBS_API Costs measure_costs(const RunSettings& settings, const Registry& registry);

/// Of one run from beginning to end. Files: metrics, parameters and saved tensors, as they are at the end.
struct Estimate {
  double seconds = 0, memory_mib = 0, disk_mib = 0;
};
/// From the costs of a run that differs at most in its epochs, steps and rates.
BACKOBS_API Estimate estimate(const RunSettings& settings, const Costs& costs);

}  // namespace backobs
