// SPDX-License-Identifier: MIT
#include "campaign/yaml_edit.h"

#include "files/number_format.h"

#include <algorithm>
#include <sstream>

namespace backobs {
namespace {

YamlNode* find(YamlNode& map, const std::string& key) {
  for (YamlEntry& entry : map.entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

/// Options of one plugin are none of another.
bool are_of_one_plugin(const YamlNode& under, const YamlNode& over) {
  const YamlNode *one = under.find("name"), *other = over.find("name");
  return !one || !other || one->text == other->text;
}

/// The value under a key, which is removed; without a position where there is none.
YamlNode taken(YamlNode& map, const std::string& key) {
  const auto entry = std::find_if(map.entries.begin(), map.entries.end(), [&](const YamlEntry& one) { return one.key == key; });
  if (entry == map.entries.end()) return {};
  YamlNode value = std::move(entry->value);
  map.entries.erase(entry);
  return value;
}

void complete(YamlNode& over, const YamlNode& under) {
  for (const YamlEntry& entry : under.entries) {
    YamlNode* own = find(over, entry.key);
    if (!own)
      over.entries.push_back(entry);
    else if (own->is_map() && entry.value.is_map() && are_of_one_plugin(entry.value, *own))
      complete(*own, entry.value);
  }
}

std::vector<std::string> segments(const std::string& path) {
  std::vector<std::string> all;
  std::istringstream stream(path);
  for (std::string segment; std::getline(stream, segment, '.');) all.push_back(segment);
  return all;
}

void set_position(YamlNode& node, const std::string& where) {
  node.where = where;
  for (YamlNode& item : node.items) set_position(item, where);
  for (YamlEntry& entry : node.entries) {
    entry.where = where;
    set_position(entry.value, where);
  }
}

YamlNode value_of(const std::string& text, const std::string& where) {
  ConfigProblems problems;
  YamlNode value = read_yaml(text, where, problems);
  if (!problems.empty()) throw UsageError("--set", "`" + text + "`", "a value as in an experiment file");
  set_position(value, where);
  return value;
}

YamlNode& item_at(YamlNode& list, const std::string& key, const std::string& where) {
  const auto index = parse_integer(key);
  const auto count = static_cast<int64_t>(list.items.size());
  if (count == 0) throw UsageError(where, "`" + key + "` in an empty list", "a list with items");
  if (!index || *index < 0 || *index >= count)
    throw UsageError(where, "`" + key + "` in a list", "the number of an item, 0 to " + std::to_string(count - 1));
  return list.items[static_cast<std::size_t>(*index)];
}

/// The node under these keys and numbers of list items, made where it is missing.
YamlNode& reach(YamlNode& from, const std::vector<std::string>& path, const std::string& where) {
  YamlNode* at = &from;
  for (const auto& key : path) {
    if (at->is_scalar()) {  // a plugin by its name alone
      YamlNode map;
      map.kind = YamlNode::Kind::map;
      map.where = at->where;
      map.entries.push_back({"name", at->where, *at});
      *at = map;
    }
    if (at->kind == YamlNode::Kind::nothing) at->kind = YamlNode::Kind::map;
    if (at->is_list()) {
      at = &item_at(*at, key, where);
      continue;
    }
    if (!find(*at, key)) {
      at->entries.push_back({key, where, YamlNode()});
      at->entries.back().value.where = where;
    }
    at = find(*at, key);
  }
  return *at;
}

/// The experiments that a path is about; takes what names them off it.
std::vector<YamlNode*> targets(YamlNode& root, std::vector<std::string>& path) {
  YamlNode* list = root.is_map() ? find(root, "experiments") : nullptr;
  std::vector<YamlNode*> all;
  if (!list || !list->is_list()) return all;
  if (path.size() > 2 && path[0] == "experiments") {
    all.push_back(&item_at(*list, path[1], "--set experiments"));
    path.erase(path.begin(), path.begin() + 2);
    return all;
  }
  for (YamlNode& item : list->items) all.push_back(&item);
  return all;
}

}  // namespace

void apply_defaults(YamlNode& root, ConfigProblems& problems) {
  if (!root.is_map()) return;
  const YamlNode defaults = taken(root, "defaults");
  if (defaults.where.empty()) return;
  if (!defaults.is_map()) return problems.add(defaults.where, defaults.describe() + " as defaults", "keys of an experiment");
  if (YamlNode* list = find(root, "experiments"))
    for (YamlNode& experiment : list->items)
      if (experiment.is_map()) complete(experiment, defaults);
}

void add_includes(YamlNode& root, ConfigProblems& problems) {
  YamlNode* list = root.is_map() ? find(root, "experiments") : nullptr;
  if (!list) return;
  std::vector<YamlNode> added;
  for (YamlNode& experiment : list->items) {
    const YamlNode includes = taken(experiment, "include");
    if (includes.where.empty()) continue;
    if (!includes.is_list()) problems.add(includes.where, includes.describe() + " as include", "a list of experiments");
    YamlNode under = experiment;
    taken(under, "exclude");
    for (YamlNode item : includes.items) {
      if (item.is_map()) complete(item, under);
      added.push_back(std::move(item));  // what is no map is told with the experiments
    }
  }
  list->items.insert(list->items.end(), added.begin(), added.end());
}

void apply_assignment(YamlNode& root, const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  std::vector<std::string> path = segments(assignment.substr(0, equals));
  if (equals == std::string::npos || path.empty() || std::count(path.begin(), path.end(), ""))
    throw UsageError("--set", "`" + assignment + "`", "PATH=VALUE, such as runner.lr=0.1");
  const std::string where = "--set " + assignment.substr(0, equals);
  const YamlNode value = value_of(assignment.substr(equals + 1), where);
  for (YamlNode* experiment : targets(root, path))
    if (experiment->is_map()) reach(*experiment, path, where) = value;
}

}  // namespace backobs
