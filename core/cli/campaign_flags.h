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

/// `--set PATH=VALUE`, of the verbs that read an experiment file.
void add_set_flag(CLI::App& verb, std::vector<std::string>& assignments);

}  // namespace backobs
