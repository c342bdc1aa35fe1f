// SPDX-License-Identifier: MIT
#include "campaign/experiment.h"

#include "campaign/settings.h"

#include <algorithm>

namespace backobs {
namespace {

constexpr std::size_t kLongestName = 100;

/// A plugin's name alone, or a map with `name` and options.
PluginUse read_use(const YamlNode& node, const char* kind, ConfigProblems& problems) {
  PluginUse use;
  use.where = node.where;
  const YamlNode* name = node.is_map() ? node.find("name") : &node;
  if (!name)
    problems.add(node.where, std::string(kind) + " without `name`", "{name: ..., options}");
  else if (!name->is_scalar() || name->text.empty())
    problems.add(name->where, name->describe() + " as " + kind, "a name, or {name: ..., options}");
  else
    use.name = name->text;
  for (const auto& entry : node.entries)
    if (entry.key != "name") use.options.push_back(entry);
  return use;
}

std::vector<PluginUse> read_uses(const YamlNode& node, const char* kind, ConfigProblems& problems) {
  if (!node.is_list()) return {read_use(node, kind, problems)};
  std::vector<PluginUse> uses;
  for (const auto& item : node.items) uses.push_back(read_use(item, kind, problems));
  if (uses.empty()) problems.add(node.where, "an empty list", std::string("at least one ") + kind);
  return uses;
}

std::vector<std::vector<PluginUse>> read_extension_sets(const YamlNode& node, ConfigProblems& problems) {
  const auto is_list = [](const YamlNode& item) { return item.is_list(); };
  if (!node.is_list()) {
    problems.add(node.where, node.describe() + " as extensions", "a list of extensions");
    return {{}};
  }
  if (node.items.empty()) return {{}};
  if (std::none_of(node.items.begin(), node.items.end(), is_list)) return {read_uses(node, "extension", problems)};
  std::vector<std::vector<PluginUse>> sets;
  for (const auto& item : node.items) {
    if (!item.is_list()) problems.add(item.where, item.describe(), "a list of extensions, as its neighbours are");
    sets.push_back(item.is_list() && item.items.empty() ? std::vector<PluginUse>{}
                                                        : read_uses(item, "extension", problems));
  }
  return sets;
}

std::vector<std::string> experiment_keys() {
  std::vector<std::string> keys = {"problem", "runner", "extensions"};
  for (const auto& name : environment_schema().names()) keys.push_back(name);
  for (const char* key : {"zip", "include", "exclude"}) keys.push_back(key);
  return keys;
}

void refuse_key(const YamlEntry& entry, const std::vector<std::string>& known, const std::string& owner,
                ConfigProblems& problems) {
  std::string names;
  for (const auto& key : known) names += (names.empty() ? "" : ", ") + key;
  problems.add(entry.where, "key `" + entry.key + "` in " + owner, "one of " + names, nearest_name(entry.key, known));
}

std::vector<Exclusion> read_exclusions(const YamlNode& node, ConfigProblems& problems) {
  std::vector<Exclusion> all;
  if (!node.is_list()) problems.add(node.where, node.describe() + " as exclude", "a list of maps: [{lr: 0.1, seed: 1}]");
  for (const YamlNode& item : node.items) {
    for (const YamlEntry& entry : item.entries) entry.value.raw(problems);  // tells what is no value
    if (item.is_map() && !item.entries.empty())
      all.push_back({item.entries});
    else
      problems.add(item.where, item.describe() + " in `exclude`", "a map of settings: {lr: 0.1, seed: 1}");
  }
  return all;
}

Experiment read_experiment(const YamlNode& node, ConfigProblems& problems) {
  static const auto known = experiment_keys();
  Experiment experiment;
  experiment.where = node.where;
  experiment.extension_sets = {{}};
  if (!node.is_map()) {
    problems.add(node.where, node.describe(), "an experiment: {problem: ..., runner: ...}");
    return experiment;
  }
  for (const auto& entry : node.entries) {
    if (entry.key == "problem")
      experiment.problems = read_uses(entry.value, "problem", problems);
    else if (entry.key == "runner")
      experiment.runners = read_uses(entry.value, "runner", problems);
    else if (entry.key == "extensions")
      experiment.extension_sets = read_extension_sets(entry.value, problems);
    else if (entry.key == "exclude")
      experiment.exclusions = read_exclusions(entry.value, problems);
    else if (std::find(known.begin(), known.end(), entry.key) != known.end())
      experiment.environment.push_back(entry);
    else
      refuse_key(entry, known, "an experiment", problems);
  }
  for (const char* key : {"problem", "runner"})
    if (!node.find(key))
      problems.add(node.where, std::string("an experiment without `") + key + "`", std::string("a ") + key);
  return experiment;
}

/// The name becomes a folder: no separators, nothing hidden.
std::string read_name(const YamlNode& node, ConfigProblems& problems) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_' || c == '-'; };
  const std::string& name = node.text;
  if (!node.is_scalar() || name.empty() || name.size() > kLongestName || name.front() == '.' || name.front() == '-' ||
      !std::all_of(name.begin(), name.end(), allowed))
    problems.add(node.where, node.describe() + " as campaign", "a name of letters, digits, '.', '_' and '-'");
  return name;
}

void read_root_entry(const YamlEntry& entry, Campaign& campaign, ConfigProblems& problems) {
  if (entry.key == "campaign") {
    campaign.name = read_name(entry.value, problems);
  } else if (entry.key != "experiments") {
    refuse_key(entry, {"campaign", "defaults", "experiments"}, "the file", problems);
  } else if (!entry.value.is_list() || entry.value.items.empty()) {
    problems.add(entry.value.where, entry.value.describe() + " as experiments", "a list of at least one experiment");
  } else {
    for (const auto& item : entry.value.items) campaign.experiments.push_back(read_experiment(item, problems));
  }
}

}  // namespace

Campaign read_campaign(const YamlNode& root, ConfigProblems& problems) {
  Campaign campaign;
  if (!root.is_map()) {
    // Broken YAML was reported where it breaks; an empty tree is its consequence.
    if (problems.empty()) problems.add(root.where, root.describe(), "a map with `campaign` and `experiments`");
    return campaign;
  }
  for (const auto& entry : root.entries) read_root_entry(entry, campaign, problems);
  for (const char* key : {"campaign", "experiments"})
    if (!root.find(key))
      problems.add(root.where, std::string("a file without `") + key + "`", std::string("the key `") + key + "`");
  return campaign;
}

}  // namespace backobs
