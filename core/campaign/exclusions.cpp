// SPDX-License-Identifier: MIT
#include "campaign/exclusions.h"

#include <backobs/error.h>

#include "campaign/flat_settings.h"
#include "files/number_format.h"

#include <algorithm>

namespace backobs {
namespace {

using NamedSettings = std::map<std::string, std::string>;

NamedSettings named_settings(const RunSettings& settings) {
  NamedSettings all = flat_settings(settings_json(settings));
  all["problem"] = settings.problem.name;
  all["runner"] = settings.runner.name;
  all["seed"] = std::to_string(settings.seed);
  return all;
}

/// As numbers where both are some.
bool is_same_value(const std::string& one, const std::string& other) {
  const auto number = parse_real(one), second = parse_real(other);
  return number && second ? *number == *second : one == other;
}

bool matches(const Exclusion& item, const NamedSettings& cell) {
  ConfigProblems told_by_reader;
  return std::all_of(item.settings.begin(), item.settings.end(), [&](const YamlEntry& entry) {
    const auto own = cell.find(entry.key);
    const auto values = entry.value.raw(told_by_reader).items;
    return own != cell.end() && std::any_of(values.begin(), values.end(), [&](const std::string& value) {
             return is_same_value(value, own->second);
           });
  });
}

}  // namespace

bool Exclusions::leave_out(const std::vector<Exclusion>& items, const RunSettings& cell) {
  if (items.empty()) return false;
  const NamedSettings named = named_settings(cell);
  for (const auto& [name, value] : named) names_.insert(name);
  bool is_left_out = false;
  for (const Exclusion& item : items) {
    const bool leaves_out = matches(item, named);
    is_left_out = is_left_out || leaves_out;
    if (!item.settings.empty()) has_left_out_[item.settings.front().where] |= leaves_out;
  }
  return is_left_out;
}

void Exclusions::end_experiment(const std::vector<Exclusion>& items, ConfigProblems& problems) {
  const std::vector<std::string> known(names_.begin(), names_.end());
  for (const Exclusion& item : items)
    for (const YamlEntry& entry : item.settings)
      if (!known.empty() && !names_.count(entry.key))
        problems.add(entry.where, "`" + entry.key + "` in `exclude`",
                     "a setting of these runs, as `backobs plan` names it", nearest_name(entry.key, known));
  names_.clear();
}

std::vector<std::string> Exclusions::idle() const {
  std::vector<std::string> places;
  for (const auto& [where, has_left_out] : has_left_out_)
    if (!has_left_out) places.push_back(where);
  return places;
}

}  // namespace backobs
