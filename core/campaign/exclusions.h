// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/config_problems.h"
#include "campaign/experiment.h"
#include "campaign/settings.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace backobs {

/// Applies `exclude` to the cells of a campaign, one experiment after the other, and keeps book of which of its items left
/// out a cell. Settings are named as `backobs plan` names them: "lr", "seed", "problem", "mc.mc_samples".
class Exclusions {
 public:
  /// Whether some item has, for each of its settings, the cell's value among its own; numbers are compared as numbers.
  bool leave_out(const std::vector<Exclusion>& items, const RunSettings& cell);

  /// After the last cell of an experiment: a setting that none of them has is a problem, since it would leave out nothing,
  /// silently.
  void end_experiment(const std::vector<Exclusion>& items, ConfigProblems& problems);

  /// Positions (file:line:column) of the items that left out no cell.
  std::vector<std::string> idle() const;
  /// Position of the first item met.
  std::string first() const { return has_left_out_.begin()->first; }

 private:
  std::map<std::string, bool> has_left_out_;  ///< by position: defaults stand in several experiments
  std::set<std::string> names_;               ///< of settings in the cells of the experiment at hand
};

}  // namespace backobs
