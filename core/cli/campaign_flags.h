// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/plan.h"
#include "cli/common_flags.h"

#include <string>
#include <vector>

namespace backobs {

/// The common flags that replace what an experiment file says; those that were not given replace nothing.
Overrides overrides_from(const CommonFlags& flags);
/// The same flags again, for a child process.
std::vector<std::string> flags_again(const CommonFlags& flags);

/// A flag that names one run; an empty text, as an unset variable of a script gives, is a UsageError.
CLI::Option* add_run_flag(CLI::App& verb, const std::string& name, std::string& run, const std::string& doc);
/// Tells of items of `exclude` that leave out nothing.
void warn_of_idle_exclusions(const Plan& plan);

/// The runs `--only` chooses, or all. Throws UsageError for one that is not there.
std::vector<const Run*> chosen_runs(const Plan& plan, const std::string& only);
/// Where a campaign's results are: OUTPUT/NAME, `results` without --output.
std::filesystem::path campaign_folder(const CommonFlags& flags, const Plan& plan);
/// The experiment file as it is now: whoever edits it while the campaign runs does not change the plan.
std::string text_of(const std::filesystem::path& file);

/// `--set PATH=VALUE`, of the verbs that read an experiment file.
void add_set_flag(CLI::App& verb, std::vector<std::string>& assignments);

}  // namespace backobs
