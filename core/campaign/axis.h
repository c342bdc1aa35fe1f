// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/options.h>

#include "campaign/config_problems.h"
#include "campaign/yaml_reader.h"

#include <map>
#include <string>
#include <vector>

namespace backobs {

/// The values one option takes in turn. One value: no axis.
struct Axis {
  std::string name;
  std::vector<RawValue> values;
};

/// The values under one key. A list is an axis where the declared type is a single value; for a list-typed option one
/// list is the value and a list of lists the axis. A map is a range:
///
///     {from: 1e-3, to: 1, count: 4, scale: log}      0.001, 0.01, 0.1, 1; `scale: linear` is the default
///     {from: 0, to: 1, count: 5, random: 42}         five draws between the bounds, from this seed
///
/// Values between the bounds are rounded to six significant digits, so that they are the same on every machine. An empty
/// axis is a problem.
BACKOBS_API Axis axis_of(const YamlEntry& entry, bool list_typed, ConfigProblems& problems);

/// What a map under a text option may hold: its default word, with the value of the option declared behind it, and the
/// options behind that. Empty for an option that takes no map: with choices, without a default, or the last.
///
///     vectors: {rademacher: 4, seed: 1}     is     vectors: rademacher, count: 4, seed: 1
BACKOBS_API std::vector<Option> options_in_map(const Schema& schema, const Option& option);

/// The entries of a plugin's map with such maps opened. A list in which one stands is an axis whose values differ in their
/// keys, hence one set of entries for each. A map without the word, an unknown key and one that stands beside the map as well
/// are problems.
BACKOBS_API std::vector<std::vector<YamlEntry>> opened(const std::vector<YamlEntry>& entries, const Schema& schema,
                                                       ConfigProblems& problems);

/// Axes that advance together, each group an axis of its own: those that `zip`, a list of lists of names, joins, and the
/// others alone, in the order of the first of each. An option with one value keeps it in every step. Unknown names and
/// axes of different lengths are problems.
BACKOBS_API std::vector<std::vector<Axis>> zipped(const std::vector<Axis>& axes, const YamlNode* zip,
                                                  ConfigProblems& problems);

/// How many combinations of all groups there are, `most` + 1 if more than `most`.
BACKOBS_API std::size_t combination_count(const std::vector<std::vector<Axis>>& groups, std::size_t most);
/// Every combination of all groups, the first group slowest.
BACKOBS_API std::vector<std::map<std::string, RawValue>> combinations(const std::vector<std::vector<Axis>>& groups);

}  // namespace backobs
