// SPDX-License-Identifier: MIT
#pragma once

#include "report/finished_runs.h"

#include <ostream>
#include <string>
#include <vector>

namespace backobs {

/// One long table of every row of every run whose metrics are whole (the others go to `damaged`), as pandas reads it at once. Columns: campaign, run_id, problem, runner, seed,
/// step, epoch, split, metric, parameter, value, wall_time (left out without `timing`), and one per setting that some run
/// has, in alphabetical order, empty where a run has none.
BACKOBS_API void write_csv(std::ostream& stream, const std::vector<FinishedRun>& runs, bool timing, DamagedRuns& damaged);

/// A value between commas: in quotes where RFC 4180 wants them.
BACKOBS_API std::string csv_field(const std::string& text);

}  // namespace backobs
