// SPDX-License-Identifier: MIT
#pragma once

#include "report/finished_runs.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What DeepOBS's analysis says of a campaign: settings ranked by their results over seeds, performance and speed.
namespace backobs {

/// The evaluations of a run as DeepOBS's file has them, "valid loss" to one value per epoch from 0; what is missing behind
/// a divergence is the initial evaluation.
using EpochCurves = std::map<std::string, std::vector<double>>;

/// A run that is over, with its curves.
struct AnalysedRun {
  std::string id, problem, runner;
  std::map<std::string, std::string> settings;  ///< flat
  bool diverged = false;
  int64_t epochs = 0;  ///< those it was to have
  EpochCurves curves;
};

/// `logged` are the evaluations the run's log has.
BACKOBS_API AnalysedRun analysed(const FinishedRun& run, EpochCurves logged);

/// How settings are ranked. final: by the mean over seeds at the end; best: by the best epoch of the mean over seeds; most: by
/// the number of seeds, and by `final` among equals.
enum class RankBy { final, best, most };
BACKOBS_API std::vector<std::string> rank_names();  ///< in the order of RankBy

/// A metric over the seeds of a setting; values that are no number are missing.
struct SeedSummary {
  std::optional<double> final, final_std;  ///< mean and population standard deviation of each seed's last value
  std::optional<double> best;              ///< of the mean over seeds, among the epochs that all have
  int64_t best_epoch = 0;
};

/// Runs that differ in nothing but the seed.
struct Setting {
  std::string problem, runner;
  std::string name;  ///< "lr=0.1 momentum=0.9": the settings in which those of the problem differ
  std::vector<std::string> runs;  ///< ids
  int64_t diverged = 0;
  std::map<std::string, SeedSummary> metrics;
  std::string ranked_by;              ///< "valid accuracy"
  std::map<std::string, int64_t> rank;  ///< by the names of RankBy, from 1, among the settings of a problem
  std::string performance_of;         ///< "test accuracy", or "test loss" where there is none
  std::optional<double> convergence;  ///< the value of `performance_of` at which a training counts as converged
  std::optional<double> speed;        ///< mean over seeds of the first epoch that reaches it; epochs + 1 where none does
  int64_t reached = 0;                ///< seeds that do
};

/// In the order of problems, runners and settings as they come. Ranked by `metric` ("valid accuracy"); empty: the accuracy on
/// the validation set; where a problem has no accuracy, the loss on the same set.
BACKOBS_API std::vector<Setting> analyse(const std::vector<AnalysedRun>& runs, const std::string& metric,
                                         const std::map<std::string, double>& convergence);

/// {"train loss", ..., "test accuracy"}.
BACKOBS_API std::vector<std::string> evaluation_metrics();

/// The convergence performances published with DeepOBS's baselines, by problem, in our scale of losses.
BACKOBS_API std::map<std::string, double> published_convergence();
/// Those of a JSON file {"problem": value}, as DeepOBS reads them. Throws UsageError.
BACKOBS_API std::map<std::string, double> read_convergence(const std::filesystem::path& file);

/// Steps of runs alike, by the extensions that were due at them.
struct StepCost {
  std::string problem, batch_size, threads, dtype;
  std::string extensions;  ///< "mc, variance"; empty: none
  int64_t steps = 0;
  double seconds = 0;           ///< of all of them
  std::optional<double> plain;  ///< of one step without any extension, among runs alike
};
/// Of run.json's `durations`. Runs are alike where problem and its options, runner, batch size, penalty, type, device and
/// threads are.
BACKOBS_API std::vector<StepCost> step_costs(const std::vector<nlohmann::ordered_json>& records);

}  // namespace backobs
