// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/experiment.h"
#include "campaign/settings.h"
#include "host/registry.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace backobs {

/// Where a run's settings come from.
struct Places {
  std::string problem, runner, batch_size, init;  ///< positions in the file; of a setting not given: what it belongs to
  std::vector<std::string> extensions;            ///< one per extension of the run
  /// Positions in the file or flags, by the setting's name ("lr", "seed", "problem.OPTION", "mc.mc_samples"); what is not
  /// here is a default.
  std::map<std::string, std::string> given;
};

/// One cell of a campaign.
struct Run {
  int64_t index = 0;  ///< position in the plan, from 0
  std::string id;     ///< from the settings' content: equal settings have equal ids, in every campaign
  RunSettings settings;
  Places places = {};
};

/// What a campaign does, in order. Made once, never changed.
struct BACKOBS_API Plan {
  std::string campaign;
  std::vector<Run> runs;
  int64_t excluded = 0;  ///< cells that `exclude` leaves out
  std::vector<std::string> idle_exclusions;  ///< file:line:column of items of `exclude` that leave out none
  int64_t repeated = 0;  ///< cells left out because an earlier one has the same settings

  /// The run with this index or id. Throws UsageError with what exists.
  const Run& find(const std::string& index_or_id) const;
};

/// Values that replace what a file says, by the name of the setting: those of environment_schema and `batch_size`.
using Overrides = std::map<std::string, RawValue>;

/// Every combination of every axis: experiments, then problems, runners with their options, extension sets and the
/// environment in the file's order, seeds fastest. Loads the plugins it names for their schemas and defaults.
/// Throws ConfigErrors with everything that is wrong.
BACKOBS_API Plan make_plan(const Campaign& campaign, const Registry& registry, const Overrides& overrides,
                           ConfigProblems& problems);
/// The same from a file, with its defaults and with `assignments` as `--set` takes them (yaml_edit.h).
BACKOBS_API Plan read_plan(const std::filesystem::path& file, const Registry& registry, const Overrides& overrides = {},
                           const std::vector<std::string>& assignments = {});

}  // namespace backobs
