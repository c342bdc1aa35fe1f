// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/testing/checks.h>

namespace backobs::testing {

/// Options a plugin may be made with, and how they differ from the plain ones: "draws=1".
struct Configuration {
  std::string name;
  Options options;
};

/// Defaults; a required option is the smallest number of its range, but not below 1 (integer) or 0.1 (real).
Options plain_options(const Schema& schema);
/// One per edge of a range, choice and value of a flag, the others plain; then `draws` of all options at once.
std::vector<Configuration> configurations(const Schema& schema, int draws, uint64_t seed);
/// That values outside the declared ranges, of another type and under unknown names are refused.
void require_bad_options_refused(const Schema& schema);
/// One check per configuration: `use` may throw an error of backobs/error.h, which refuses it; a PluginError breaks it.
void check_configurations(Checks& checks, const Schema& schema, const ContractSettings& settings,
                          const std::function<void(const Options&)>& use);
/// Calls `use` with 0 and 1 in two threads at once, and throws what either of them threw.
void in_two_threads(const std::function<void(std::size_t)>& use);
/// Runs `use` often and requires that the memory in use does not keep growing.
void require_no_growth(int repeats, const std::function<void()>& use);

}  // namespace backobs::testing
