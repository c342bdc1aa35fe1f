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

/// A plugin as the file names it, with its options; every combination of their values is meant.
struct PluginUse {
  std::string name;  ///< as written; an alias is possible
  std::string where;
  std::vector<YamlEntry> options;  ///< everything in its map but `name`, `zip` included; types are known once its schema is
};

/// Cells that are left out: those in which every one of these settings has one of its values. Names are those of
/// flat_settings, with `problem`, `runner` and `seed`.
struct Exclusion {
  std::vector<YamlEntry> settings;
};

/// One item of `experiments`.
struct Experiment {
  std::string where;
  std::vector<PluginUse> problems, runners;            ///< axes
  std::vector<std::vector<PluginUse>> extension_sets;  ///< axis of lists; one empty list if none are asked for
  std::vector<YamlEntry> environment;                  ///< seeds, source, protocol, …, zip as given
  std::vector<Exclusion> exclusions;
};

struct Campaign {
  std::string name;  ///< a folder's name: letters, digits, '.', '_', '-'
  std::vector<Experiment> experiments;
};

/// The keys of an experiment file whose defaults have been applied (yaml_edit.h). Unknown and missing keys and wrong forms are added to `problems`.
BACKOBS_API Campaign read_campaign(const YamlNode& root, ConfigProblems& problems);

}  // namespace backobs
