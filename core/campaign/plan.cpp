// SPDX-License-Identifier: MIT
#include "campaign/plan.h"

#include <backobs/error.h>

#include "campaign/axis.h"
#include "campaign/yaml_edit.h"

#include <algorithm>
#include <set>
#include <utility>

namespace backobs {
namespace {

constexpr std::size_t kMostRuns = 100000;
constexpr const char* kZip = "zip";

using RawOptions = std::map<std::string, RawValue>;

/// One combination of a plugin's options.
struct Choice {
  Options options;
  bool l2_reg_given = false;
};

class Planner {
 public:
  Planner(const Registry& registry, const Overrides& overrides, ConfigProblems& problems)
      : registry_(registry), overrides_(overrides), problems_(problems) {}

  Plan plan(const Campaign& campaign);

 private:
  void add_experiment(const Experiment& experiment, Plan& plan);
  void add_problem(const Experiment& experiment, const PluginSettings& problem, const PluginUse& use, Plan& plan);
  void add_runner(const Experiment& experiment, const RunSettings& base, Plan& plan);
  void add_run(const RunSettings& settings, Plan& plan);

  std::string resolve(const char* kind, const PluginUse& use);
  std::vector<Axis> axes(const std::vector<YamlEntry>& entries, const Schema& schema);
  std::vector<Choice> choices(const std::vector<Axis>& axes, const std::vector<YamlEntry>& entries, const Schema& schema,
                              const std::string& owner, const std::string& where);
  std::vector<Choice> runner_choices(const PluginUse& use, const std::string& name, const ProblemFacts& facts);
  std::vector<Choice> environment_choices(const Experiment& experiment);
  std::vector<ExtensionSettings> extension_choices(const PluginUse& use);
  std::vector<std::vector<ExtensionSettings>> extension_lists(const std::vector<PluginUse>& uses);
  void check_names(const std::vector<ExtensionSettings>& extensions, const std::vector<PluginUse>& uses);
  bool too_many(std::size_t count, const std::string& where);

  const Registry& registry_;
  const Overrides& overrides_;
  ConfigProblems& problems_;
  std::set<std::string> ids_;
};

bool is_key(const std::string& name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

bool Planner::too_many(std::size_t count, const std::string& where) {
  if (count > kMostRuns) problems_.add(where, "more than " + std::to_string(kMostRuns) + " combinations", "fewer");
  return count > kMostRuns;
}

std::string Planner::resolve(const char* kind, const PluginUse& use) {
  if (use.name.empty()) return "";  // reported by the reader
  try {
    return registry_.find(kind, use.name, use.where).manifest.name;
  } catch (const ConfigError& e) {
    problems_.add(e);
    return "";
  }
}

std::vector<Axis> Planner::axes(const std::vector<YamlEntry>& entries, const Schema& schema) {
  std::vector<Axis> all;
  for (const YamlEntry& entry : entries) {
    if (entry.key == kZip) continue;
    const Option* option = schema.find(entry.key);
    all.push_back(axis_of(entry, option && option->is_list(), problems_));
  }
  return all;
}

/// `axes` are those of `entries`, some of them perhaps replaced from the command line.
std::vector<Choice> Planner::choices(const std::vector<Axis>& axes, const std::vector<YamlEntry>& entries,
                                     const Schema& schema, const std::string& owner, const std::string& where) {
  const auto zip = std::find_if(entries.begin(), entries.end(), [](const YamlEntry& e) { return e.key == kZip; });
  const auto groups = zipped(axes, zip == entries.end() ? nullptr : &zip->value, problems_);
  if (too_many(combination_count(groups, kMostRuns), where)) return {};
  std::vector<Choice> all;
  for (const RawOptions& raw : combinations(groups)) {
    std::vector<std::string> lines;
    const Options options = schema.check(raw, owner, where, &lines);
    problems_.add(lines);
    if (lines.empty()) all.push_back({options, raw.count("l2_reg") > 0});
  }
  return all;
}

std::vector<Choice> Planner::runner_choices(const PluginUse& use, const std::string& name, const ProblemFacts& facts) {
  const Schema schema = registry_.schema("runner", name).joined(loop_schema(facts));
  std::vector<Axis> all = axes(use.options, schema);
  if (const auto found = overrides_.find("batch_size"); found != overrides_.end()) {
    all.erase(std::remove_if(all.begin(), all.end(), [](const Axis& a) { return a.name == "batch_size"; }), all.end());
    all.push_back({"batch_size", {found->second}});
  }
  return choices(all, use.options, schema, "runner `" + name + "`", use.where);
}

/// Seeds last, so that the runs of one setting stand together.
std::vector<Choice> Planner::environment_choices(const Experiment& experiment) {
  const Schema schema = environment_schema();
  std::vector<Axis> all = axes(experiment.environment, schema);
  for (const auto& [name, value] : overrides_) {
    if (!schema.find(name)) continue;
    all.erase(std::remove_if(all.begin(), all.end(), [&, key = name](const Axis& a) { return a.name == key; }),
              all.end());
    all.push_back({name, {value}});
  }
  std::stable_partition(all.begin(), all.end(), [](const Axis& a) { return a.name != "seeds"; });
  return choices(all, experiment.environment, schema, "an experiment", experiment.where);
}

std::vector<ExtensionSettings> Planner::extension_choices(const PluginUse& use) try {
  const std::string name = resolve("extension", use);
  if (name.empty()) return {};
  const Schema own = registry_.schema("extension", name);
  const Schema schema = own.joined(instance_schema());
  std::vector<ExtensionSettings> all;
  const auto all_choices = choices(axes(use.options, schema), use.options, schema, "extension `" + name + "`", use.where);
  for (const Choice& choice : all_choices) {
    registry_.make_extension(name, only(own, choice.options));  // may refuse options that do not go together
    const std::string& as = choice.options.text("as");
    if (!as.empty() && !is_key(as))
      problems_.add(use.where, "extension `" + name + "` as `" + as + "`", "letters, digits and '_'");
    all.push_back({as.empty() ? name : as, name, only(own, choice.options), choice.options.integer("every"),
                   choice.options.texts("record"), choice.options.text("save") == "tensors"});
  }
  return all;
} catch (const ConfigError& e) {
  problems_.add(e);
  return {};
}

void Planner::check_names(const std::vector<ExtensionSettings>& extensions, const std::vector<PluginUse>& uses) {
  for (std::size_t i = 0; i < extensions.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (extensions[i].name == extensions[j].name)
        problems_.add(uses[i].where, "a second extension called `" + extensions[i].name + "`",
                      "another name through `as`");
}

std::vector<std::vector<ExtensionSettings>> Planner::extension_lists(const std::vector<PluginUse>& uses) {
  std::vector<std::vector<ExtensionSettings>> lists = {{}};
  for (const PluginUse& use : uses) {
    const auto choices = extension_choices(use);
    if (choices.empty() || too_many(lists.size() * choices.size(), use.where)) continue;
    std::vector<std::vector<ExtensionSettings>> longer;
    for (const auto& list : lists)
      for (const auto& choice : choices) {
        longer.push_back(list);
        longer.back().push_back(choice);
      }
    lists = std::move(longer);
  }
  if (lists.front().size() == uses.size())
    for (const auto& list : lists) check_names(list, uses);
  return lists;
}

void Planner::add_run(const RunSettings& settings, Plan& plan) {
  const std::string id = settings_id(settings);
  if (ids_.insert(id).second)
    plan.runs.push_back({static_cast<int64_t>(plan.runs.size()), id, settings});
  else
    ++plan.repeated;
}

void Planner::add_runner(const Experiment& experiment, const RunSettings& base, Plan& plan) {
  const auto environments = environment_choices(experiment);
  for (const auto& set : experiment.extension_sets)
    for (const auto& extensions : extension_lists(set))
      for (const Choice& environment : environments) {
        RunSettings settings = base;
        settings.extensions = extensions;
        set_environment(settings, environment.options, experiment.where);
        if (too_many(plan.runs.size() + 1, experiment.where)) return;
        if (problems_.empty()) add_run(settings, plan);
      }
}

void Planner::add_problem(const Experiment& experiment, const PluginSettings& problem, const PluginUse& use,
                          Plan& plan) {
  const std::string runner = resolve("runner", use);
  if (runner.empty()) return;
  const auto facts = registry_.make_problem(problem.name, problem.options)->facts();
  for (const Choice& choice : runner_choices(use, runner, facts)) {
    RunSettings settings;
    settings.problem = problem;
    settings.runner = {runner, only(registry_.schema("runner", runner), choice.options)};
    registry_.make_runner(runner, settings.runner.options);  // may refuse options that do not go together
    settings.loop = loop_settings(choice.options, choice.l2_reg_given, use.where);
    add_runner(experiment, settings, plan);
  }
}

void Planner::add_experiment(const Experiment& experiment, Plan& plan) {
  // Looked at even where problem or runner is wrong, so that every error of the file is told at once.
  environment_choices(experiment);
  for (const auto& set : experiment.extension_sets) extension_lists(set);
  for (const PluginUse& use : experiment.problems) {
    const std::string name = resolve("problem", use);
    if (name.empty()) continue;
    const Schema schema = registry_.schema("problem", name);
    const std::string owner = "problem `" + name + "`";
    for (const Choice& choice : choices(axes(use.options, schema), use.options, schema, owner, use.where))
      for (const PluginUse& runner : experiment.runners) try {
          add_problem(experiment, {name, choice.options}, runner, plan);
        } catch (const ConfigError& e) {
          problems_.add(e);
        }
  }
}

Plan Planner::plan(const Campaign& campaign) {
  Plan plan;
  plan.campaign = campaign.name;
  for (const Experiment& experiment : campaign.experiments) add_experiment(experiment, plan);
  return plan;
}

}  // namespace

const Run& Plan::find(const std::string& index_or_id) const {
  for (const Run& run : runs)
    if (run.id == index_or_id || std::to_string(run.index) == index_or_id) return run;
  std::vector<std::string> ids;
  for (const Run& run : runs) ids.push_back(run.id);
  throw UsageError("--only", "`" + index_or_id + "`",
                   "an index from 0 to " + std::to_string(static_cast<int64_t>(runs.size()) - 1) + " or a run's id",
                   nearest_name(index_or_id, ids));
}

Plan make_plan(const Campaign& campaign, const Registry& registry, const Overrides& overrides,
               ConfigProblems& problems) {
  Plan plan = Planner(registry, overrides, problems).plan(campaign);
  problems.throw_if_any();
  return plan;
}

Plan read_plan(const std::filesystem::path& file, const Registry& registry, const Overrides& overrides,
               const std::vector<std::string>& assignments) {
  ConfigProblems problems;
  YamlNode root = read_yaml_file(file, problems);
  apply_defaults(root, problems);
  for (const auto& assignment : assignments) apply_assignment(root, assignment);
  return make_plan(read_campaign(root, problems), registry, overrides, problems);
}

}  // namespace backobs
