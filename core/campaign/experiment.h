// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/options.h>

#include "campaign/config_problems.h"
#include "campaign/yaml_reader.h"

#include <string>
#include <utility>
#include <vector>

/// An experiment file as its author meant it: names and values still as text, axes still lists.
namespace backobs {

/// The values one option takes in turn. One value: no axis.
struct Axis {
  std::string name;
  std::vector<RawValue> values;
};

/// A plugin as the file names it, with its options; every combination of their values is meant.
struct PluginUse {
  std::string name;  ///< as written; an alias is possible
  std::string where;
  std::vector<YamlEntry> options;  ///< everything in its map but `name`; types are known once its schema is
};

/// One item of `experiments`.
struct Experiment {
  std::string where;
  std::vector<PluginUse> problems, runners;            ///< axes
  std::vector<std::vector<PluginUse>> extension_sets;  ///< axis of lists; one empty list if none are asked for
  std::vector<YamlEntry> environment;                  ///< seeds, source, protocol, … as given
};

struct Campaign {
  std::string name;  ///< a folder's name: letters, digits, '.', '_', '-'
  std::vector<Experiment> experiments;
};

/// The keys of an experiment file. Unknown and missing keys and wrong forms are added to `problems`.
BACKOBS_API Campaign read_campaign(const YamlNode& root, ConfigProblems& problems);

/// The values under one key. A list is an axis where the declared type is a single value; for a list-typed option one
/// list is the value and a list of lists the axis. An empty axis is a problem.
BACKOBS_API Axis axis_of(const YamlEntry& entry, bool list_typed, ConfigProblems& problems);

}  // namespace backobs
