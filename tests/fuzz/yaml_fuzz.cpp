// SPDX-License-Identifier: MIT
// Experiment files: whatever the bytes, a tree whose values have positions and whose keys are told apart, and problems in
// place of exceptions. Then what is done to a tree before it is understood: defaults, includes, axes, assignments.
#include <backobs/error.h>

#include "campaign/axis.h"
#include "campaign/yaml_edit.h"
#include "fuzz_file.h"

#include <set>

using namespace backobs;

namespace {

constexpr std::size_t kFewRuns = 1000;

void check(const YamlNode& node, ConfigProblems& problems) {
  testing::require(node.where.rfind("a.yaml", 0) == 0);
  testing::require(node.items.empty() || node.is_list());
  testing::require(node.entries.empty() || node.is_map());
  std::set<std::string> keys;
  for (const YamlEntry& entry : node.entries) {
    testing::require(keys.insert(entry.key).second);
    check(entry.value, problems);
  }
  for (const YamlNode& item : node.items) check(item, problems);
  testing::require(!node.describe().empty());
  node.raw(problems);
}

/// The map's keys as options, some of them lists.
void expand(const YamlNode& map, ConfigProblems& problems) {
  std::vector<Axis> axes;
  for (const YamlEntry& entry : map.entries)
    if (entry.key != "zip") axes.push_back(axis_of(entry, entry.key.size() % 2, problems));
  for (const Axis& axis : axes)
    if (axis.values.empty()) return testing::require(!problems.empty());
  const auto groups = zipped(axes, map.find("zip"), problems);
  const std::size_t count = combination_count(groups, kFewRuns);
  if (count <= kFewRuns) testing::require(combinations(groups).size() == count);
}

void expand_all(const YamlNode& node, ConfigProblems& problems) {
  if (node.is_map()) expand(node, problems);
  for (const YamlEntry& entry : node.entries) expand_all(entry.value, problems);
  for (const YamlNode& item : node.items) expand_all(item, problems);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  ConfigProblems problems;
  YamlNode root = read_yaml(text, "a.yaml", problems);
  const bool is_broken = root.where.empty();
  testing::require(!is_broken || !problems.empty());
  if (!is_broken) check(root, problems);
  apply_defaults(root, problems);
  add_includes(root, problems);
  expand_all(root, problems);
  try {
    apply_assignment(root, text.substr(0, text.find('\n')));
  } catch (const UsageError&) {
  }
  try {
    problems.throw_if_any();
  } catch (const ConfigErrors& e) {
    testing::require(!e.problems().empty() && e.what()[0] != '\0');
  }
  return 0;
}
