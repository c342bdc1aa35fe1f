// SPDX-License-Identifier: MIT
#include "campaign/axis.h"

#include "files/comma_list.h"
#include "files/number_format.h"

#include <backobs/legacy_random.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

namespace backobs {
namespace {

constexpr int64_t kMostValues = 100000;

Schema range_schema() {
  return {Option::real("from", "first value"),
          Option::real("to", "last value"),
          Option::integer("count", "how many").at_least(1).at_most(kMostValues),
          Option::text("scale", "linear", "equal steps, or equal factors").one_of({"linear", "log"}),
          Option::integer("random", 0, "seed of draws between the bounds").at_least(0)};
}

/// 0.0123457 of 0.01234567…: the last bits of exp and log differ between machines.
std::string rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return shortest_real(std::strtod(text, nullptr));
}

std::string between(const Options& range, double share) {
  const double from = range.real("from"), to = range.real("to");
  if (share == 0) return shortest_real(from);
  if (share == 1) return shortest_real(to);
  if (range.text("scale") == "linear") return rounded(from + share * (to - from));
  return rounded(std::exp(std::log(from) + share * (std::log(to) - std::log(from))));
}

std::vector<double> shares(const Options& range, bool random) {
  std::vector<double> all;
  const int64_t count = range.integer("count");
  auto draws = MersenneTwister::python(static_cast<uint64_t>(range.integer("random")));
  for (int64_t i = 0; i < count; ++i) {
    const double even = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
    all.push_back(random ? draws.next_double() : even);
  }
  return all;
}

std::vector<RawValue> range_values(const YamlNode& node, ConfigProblems& problems) {
  std::map<std::string, RawValue> raw;
  for (const auto& entry : node.entries) raw[entry.key] = entry.value.raw(problems);
  std::vector<std::string> lines;
  const Options range = range_schema().check(raw, "a range", node.where, &lines);
  problems.add(lines);
  if (!lines.empty()) return {};
  if (range.text("scale") == "log" && (range.real("from") <= 0 || range.real("to") <= 0)) {
    problems.add(node.where, "a range of equal factors that reaches 0", "from > 0 and to > 0");
    return {};
  }
  std::vector<RawValue> values;
  for (const double share : shares(range, raw.count("random") > 0))
    values.push_back({{between(range, share)}, false, false, node.where});
  return values;
}

/// The name of the option declared behind another.
std::string behind(const Schema& schema, const std::string& name) {
  const auto names = schema.names();
  return *(std::find(names.begin(), names.end(), name) + 1);
}

const Axis* find(const std::vector<Axis>& axes, const std::string& name) {
  const auto found = std::find_if(axes.begin(), axes.end(), [&](const Axis& axis) { return axis.name == name; });
  return found == axes.end() ? nullptr : &*found;
}

/// `vectors: {rademacher: 4, seed: 1}` as the entries it is short for; `entry` is of a map.
std::vector<YamlEntry> open_map(const std::vector<YamlEntry>& beside, const YamlEntry& entry, const Schema& schema,
                                const std::vector<Option>& inside, ConfigProblems& problems) {
  const std::string& word = inside.front().name;
  std::vector<std::string> names;
  for (const Option& option : inside) names.push_back(option.name);
  YamlNode text;
  text.kind = YamlNode::Kind::scalar;
  text.where = entry.value.where;
  text.text = word;
  std::vector<YamlEntry> all = {{entry.key, entry.where, text}};
  if (!entry.value.find(word))
    problems.add(entry.value.where, "a map under `" + entry.key + "` without `" + word + "`", "{" + word + ": ...}");
  for (YamlEntry key : entry.value.entries) {
    if (std::find(names.begin(), names.end(), key.key) == names.end()) {
      problems.add(key.where, "key `" + key.key + "` under `" + entry.key + "`", "one of " + comma_list(names), nearest_name(key.key, names));
      continue;
    }
    if (key.key == word) key.key = behind(schema, entry.key);
    if (std::any_of(beside.begin(), beside.end(), [&](const YamlEntry& other) { return other.key == key.key; }))
      problems.add(key.where, "`" + key.key + "` under `" + entry.key + "` and beside it", "it once");
    else
      all.push_back(std::move(key));
  }
  return all;
}

/// The values of an entry, each as the entries it is short for.
std::vector<std::vector<YamlEntry>> open_values(const std::vector<YamlEntry>& beside, const YamlEntry& entry, const Schema& schema,
                                                ConfigProblems& problems) {
  const auto is_map = [](const YamlNode& node) { return node.is_map(); };
  const bool in_list = std::any_of(entry.value.items.begin(), entry.value.items.end(), is_map);
  const Option* option = schema.find(entry.key);
  const auto inside = option && (entry.value.is_map() || in_list) ? options_in_map(schema, *option) : std::vector<Option>();
  if (inside.empty()) return {{entry}};
  std::vector<std::vector<YamlEntry>> all;
  for (const YamlNode& value : in_list ? entry.value.items : std::vector<YamlNode>{entry.value}) {
    const YamlEntry one{entry.key, entry.where, value};
    all.push_back(value.is_map() ? open_map(beside, one, schema, inside, problems) : std::vector<YamlEntry>{one});
  }
  return all;
}

/// Values that a group takes in turn; an option with one value keeps it.
std::size_t length_of(const std::vector<Axis>& group) {
  std::size_t length = 0;
  for (const Axis& axis : group) length = std::max(length, axis.values.size());
  return length;
}

/// One group of `zip`, or nothing where it is wrong.
std::vector<Axis> read_group(const std::vector<Axis>& axes, const YamlNode& node, std::set<std::string>& used,
                             ConfigProblems& problems) {
  std::vector<Axis> group;
  std::vector<std::string> names;
  for (const Axis& axis : axes) names.push_back(axis.name);
  for (const YamlNode& item : node.items) {
    const Axis* axis = find(axes, item.text);
    if (!item.is_scalar() || !axis)
      problems.add(item.where, item.describe() + " in `zip`", "an option that stands beside it", nearest_name(item.text, names));
    else if (!used.insert(item.text).second)
      problems.add(item.where, "`" + item.text + "` a second time in `zip`", "each option once");
    else
      group.push_back(*axis);
  }
  const std::size_t length = length_of(group);
  for (const Axis& axis : group)
    if (axis.values.size() != 1 && axis.values.size() != length)
      problems.add(node.where,
                   std::to_string(axis.values.size()) + " values of `" + axis.name + "` in a `zip` of " +
                       std::to_string(length),
                   "as many of each option, or one");
  return group;
}

}  // namespace

Axis axis_of(const YamlEntry& entry, bool list_typed, ConfigProblems& problems) {
  Axis axis{entry.key, {}};
  const YamlNode& value = entry.value;
  const bool nested = value.is_list() && !value.items.empty() && value.items.front().is_list();
  if (value.is_map() && !list_typed) {
    axis.values = range_values(value, problems);
    return axis;
  }
  if (!value.is_list() || (list_typed && !nested)) {
    axis.values = {value.raw(problems)};
    return axis;
  }
  for (const auto& item : value.items) axis.values.push_back(item.raw(problems));
  if (axis.values.empty()) problems.add(value.where, "an empty list under `" + entry.key + "`", "at least one value");
  return axis;
}

std::vector<Option> options_in_map(const Schema& schema, const Option& option) {
  const auto& all = schema.options();
  const auto at = std::find_if(all.begin(), all.end(), [&](const Option& other) { return other.name == option.name; });
  const auto* word = option.fallback ? std::get_if<std::string>(&*option.fallback) : nullptr;
  if (!word || word->empty() || !option.choices.empty() || at == all.end()) return {};
  std::vector<Option> inside(at + 1, all.end());
  if (!inside.empty()) inside.front().name = *word;
  return inside;
}

std::vector<std::vector<YamlEntry>> opened(const std::vector<YamlEntry>& entries, const Schema& schema,
                                           ConfigProblems& problems) {
  std::vector<std::vector<YamlEntry>> all = {{}};
  for (const auto& entry : entries) {
    std::vector<std::vector<YamlEntry>> longer;
    const auto values = open_values(entries, entry, schema, problems);
    for (const auto& shorter : all)
      for (const auto& value : values) {
        longer.push_back(shorter);
        longer.back().insert(longer.back().end(), value.begin(), value.end());
      }
    all = std::move(longer);
  }
  return all;
}

std::vector<std::vector<Axis>> zipped(const std::vector<Axis>& axes, const YamlNode* zip, ConfigProblems& problems) {
  std::vector<std::vector<Axis>> joined, groups;
  std::set<std::string> used;
  if (zip && !(zip->is_list() && std::all_of(zip->items.begin(), zip->items.end(), [](const YamlNode& item) {
        return item.is_list() && !item.items.empty();
      }))) {
    problems.add(zip->where, zip->describe() + " as `zip`", "a list of lists of options: [[lr, momentum]]");
    zip = nullptr;
  }
  if (zip)
    for (const YamlNode& group : zip->items) joined.push_back(read_group(axes, group, used, problems));
  for (const Axis& axis : axes) {
    if (!used.count(axis.name)) groups.push_back({axis});
    for (const auto& group : joined)
      if (!group.empty() && group.front().name == axis.name) groups.push_back(group);
  }
  return groups;
}

std::size_t combination_count(const std::vector<std::vector<Axis>>& groups, std::size_t most) {
  std::size_t count = 1;
  for (const auto& group : groups) count = std::min(most + 1, count * std::max<std::size_t>(1, length_of(group)));
  return count;
}

std::vector<std::map<std::string, RawValue>> combinations(const std::vector<std::vector<Axis>>& groups) {
  std::vector<std::map<std::string, RawValue>> all = {{}};
  for (const auto& group : groups) {
    std::vector<std::map<std::string, RawValue>> longer;
    for (const auto& shorter : all)
      for (std::size_t i = 0; i < length_of(group); ++i) {
        longer.push_back(shorter);
        for (const Axis& axis : group)
          if (!axis.values.empty()) longer.back()[axis.name] = axis.values[std::min(i, axis.values.size() - 1)];
      }
    all = std::move(longer);
  }
  return all;
}

}  // namespace backobs
