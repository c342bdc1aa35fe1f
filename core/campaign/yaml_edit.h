// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/yaml_reader.h"

#include <string>
#include <vector>

/// Changes to an experiment file's tree before it is understood.
namespace backobs {

/// Puts the map under `defaults` beneath every experiment and removes it. A key of the experiment counts; where both have
/// a map without different `name`s, as for `runner`, the maps are completed the same way.
BACKOBS_API void apply_defaults(YamlNode& root, ConfigProblems& problems);

/// Makes each item under an experiment's `include` an experiment at the end of the list: the same one, without its
/// `exclude`, completed from beneath as by defaults. After the defaults.
BACKOBS_API void add_includes(YamlNode& root, ConfigProblems& problems);

/// `--set PATH=VALUE`, after the includes: VALUE is YAML, PATH names a key of every experiment (`runner.lr`,
/// `seeds`), or with `experiments.0.` in front of one, by its place from 0; so are items of
/// lists below (`extensions.0.every`). A plugin that is given by its name alone takes
/// options as well. Throws UsageError for what is no assignment or finds no place.
BACKOBS_API void apply_assignment(YamlNode& root, const std::string& assignment);

}  // namespace backobs
