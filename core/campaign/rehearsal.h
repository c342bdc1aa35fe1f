// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/estimate.h"
#include "campaign/plan.h"
#include "walk/pass.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// What shows of a plan's runs only once their networks are built: which quantity works for which parameter, whether a
/// file of initial parameters fits, whether a mini-batch is larger than a set, whether a trace is of a square. It runs
/// code of plugins, which may do anything; hence in a process of its own, whose parent lives on.
namespace backobs {

/// Something that makes a run impossible.
struct Obstacle {
  std::string where;  ///< the setting's place in the experiment file
  std::string text;
};

/// All that is known of the runs looked at, by index.
struct Rehearsed {
  std::vector<std::pair<int64_t, Obstacle>> obstacles;
  std::map<int64_t, std::vector<Refusal>> left_out;  ///< quantities of single parameters, which the run does without
  std::map<int64_t, Estimate> estimates;
  std::map<int64_t, std::string> no_estimates;  ///< why not: data are missing
};

/// Looks at one run after the other. Runs that differ in nothing that matters here are looked at once.
class BACKOBS_API Rehearsal {
 public:
  /// With `measures`, a few steps are done to estimate time, memory and disk.
  Rehearsal(const Registry& registry, bool measures) : registry_(registry), measures_(measures) {}

  /// Whether a run has anything that only its network decides.
  bool concerns(const Run& run) const;
  /// One line of JSON for the parent.
  std::string look_at(const Run& run);

 private:
  struct Built;
  struct Found;

  const Built& built(const RunSettings& settings);
  void check_initial(const Run& run, const Built& built, Found& found) const;
  void check_batch(const Run& run, const Built& built, Found& found) const;
  void check_extensions(const Run& run, const Built& built, Found& found) const;
  static void add_refused(const std::string& name, const std::vector<Refusal>& refused, std::size_t parameters,
                          const RunSettings& settings, Found& found);
  void check_traces(const Run& run, const Built& built, Found& found) const;
  void look_at_trace(const RunSettings& settings, const ExtensionSettings& extension, const Built& built,
                     const DataSource& data) const;
  void check_runner(const Run& run, const Built& built, Found& found) const;
  Found look_anew(const Run& run);

  const Registry& registry_;
  bool measures_;
  std::shared_ptr<const Built> built_;  ///< of the problem looked at last
  std::string built_for_;
  std::map<std::string, std::shared_ptr<const Found>> found_;  ///< by what decides it
};

/// Reads what `look_at` wrote, in the parent; a line that is not whole is passed over.
BACKOBS_API void read_rehearsed(const std::string& line, const Plan& plan, Rehearsed& all);

}  // namespace backobs
