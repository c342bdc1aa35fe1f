// SPDX-License-Identifier: MIT
#include "campaign/plan.h"

#include <backobs/error.h>

#include "campaign/axis.h"
#include "campaign/exclusions.h"
#include "campaign/yaml_edit.h"
#include "files/number_format.h"

#include <algorithm>
#include <set>
#include <utility>

namespace backobs {
namespace {

constexpr std::size_t kMostRuns = 100000;
constexpr const char* kZip = "zip";
constexpr double kLargestBudget = 1000;  ///< per cent
/// Metrics of their own, and first parts of a setting's name in tables, which an extension's name would be taken for.
const std::map<std::string, std::string> kReservedNames = {
    {"loss", "is a metric"},        {"accuracy", "is a metric"},   {"grad_eval", "is a metric"},
    {"problem", "heads the names of other settings"}, {"runner", "heads the names of other settings"}};

using RawOptions = std::map<std::string, RawValue>;

/// One combination of a plugin's options.
struct Choice {
  Options options;
  RawOptions raw;  ///< what the file says of them, with its positions

  bool is_given(const std::string& name) const { return raw.count(name) > 0; }
  /// Where the option is given; `otherwise` where it is not.
  const std::string& where(const std::string& name, const std::string& otherwise) const {
    const auto found = raw.find(name);
    return found == raw.end() ? otherwise : found->second.where;
  }
};

/// What a plugin's constructor or a check across options throws names no place in the file: here it gets one.
template <typename Make>
auto placed(const std::string& where, Make make) -> decltype(make()) {
  try {
    return make();
  } catch (const ConfigError& e) {
    throw ConfigError(e.where().empty() ? where : where + ": " + e.where(), e.found(), e.wanted(), e.nearest());
  } catch (const PluginError& e) {
    throw PluginError(e.where().empty() ? where : where + ": " + e.where(), e.found(), e.wanted(), e.nearest());
  }
}

void add_given(std::map<std::string, std::string>& given, const Choice& choice, const std::string& prefix = "") {
  for (const auto& [name, value] : choice.raw) given[prefix + name] = value.where;
}

/// What of a run is decided so far.
struct Cell {
  RunSettings settings;
  Places places;
};

class Planner {
 public:
  Planner(const Registry& registry, const Overrides& overrides, ConfigProblems& problems)
      : registry_(registry), overrides_(overrides), problems_(problems) {}

  Plan plan(const Campaign& campaign);

 private:
  struct ExtensionChoice {
    ExtensionSettings settings;
    std::string where;
    std::map<std::string, std::string> given;
  };
  using ExtensionList = std::vector<ExtensionChoice>;

  void add_experiment(const Experiment& experiment, Plan& plan);
  void look_at_runners(const Experiment& experiment);
  void add_runner(const Experiment& experiment, const Cell& problem, const PluginUse& use, Plan& plan);
  void add_cells(const Experiment& experiment, const Cell& base, Plan& plan);
  void add_run(const Experiment& experiment, const Cell& cell, Plan& plan);

  std::string resolve(const char* kind, const PluginUse& use);
  std::vector<Axis> axes(const std::vector<YamlEntry>& entries, const Schema& schema);
  std::vector<Choice> choices(const std::vector<Axis>& axes, const std::vector<YamlEntry>& entries, const Schema& schema,
                              const std::string& owner, const std::string& where);
  std::vector<Choice> plugin_choices(const PluginUse& use, const Schema& own, const Schema& schema, const std::string& owner);
  std::vector<Choice> runner_choices(const PluginUse& use, const std::string& name, const ProblemFacts& facts);
  std::vector<Choice> environment_choices(const Experiment& experiment);
  std::vector<Cell> environments(const Experiment& experiment);
  ExtensionList extension_choices(const PluginUse& use);
  std::vector<ExtensionList> extension_lists(const std::vector<PluginUse>& uses);
  std::string name_of(const PluginUse& use, const std::string& plugin, const Choice& choice);
  double budget_of(const PluginUse& use, const std::string& plugin, const Choice& choice);
  void check_names(const ExtensionList& extensions, const std::vector<PluginUse>& uses);
  bool too_many(std::size_t count, const std::string& where);

  const Registry& registry_;
  const Overrides& overrides_;
  ConfigProblems& problems_;
  std::set<std::string> ids_;
  std::vector<Cell> environments_;  ///< of the experiment at hand
  Exclusions exclusions_;
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
    if (lines.empty()) all.push_back({options, raw});
  }
  return all;
}

/// `own` is what the plugin itself declares of `schema`.
std::vector<Choice> Planner::plugin_choices(const PluginUse& use, const Schema& own, const Schema& schema,
                                            const std::string& owner) {
  std::vector<Choice> all;
  for (const auto& entries : opened(use.options, own, problems_)) {
    const auto some = choices(axes(entries, schema), entries, schema, owner, use.where);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::vector<Choice> Planner::runner_choices(const PluginUse& use, const std::string& name, const ProblemFacts& facts) {
  const Schema own = registry_.schema("runner", name), schema = own.joined(loop_schema(facts));
  std::vector<Choice> all;
  for (const auto& entries : opened(use.options, own, problems_)) {
    std::vector<Axis> values = axes(entries, schema);
    if (const auto found = overrides_.find("batch_size"); found != overrides_.end()) {
      values.erase(std::remove_if(values.begin(), values.end(), [](const Axis& a) { return a.name == "batch_size"; }), values.end());
      values.push_back({"batch_size", {found->second}});
    }
    const auto some = choices(values, entries, schema, "runner `" + name + "`", use.where);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
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

/// Every combination of the environment's options, with the settings it decides.
std::vector<Cell> Planner::environments(const Experiment& experiment) {
  std::vector<Cell> all;
  for (const Choice& choice : environment_choices(experiment)) try {
      Cell cell;
      const auto where = [&](const std::string& option) { return choice.where(option, experiment.where); };
      set_environment(cell.settings, choice.options, where);
      cell.places.init = where("init");
      add_given(cell.places.given, choice);
      if (choice.is_given("seeds")) cell.places.given["seed"] = where("seeds");  // one of them
      cell.places.given.erase("seeds");
      all.push_back(std::move(cell));
    } catch (const ConfigError& e) {
      problems_.add(e);
    }
  return all;
}

/// Every row would stand in the log as often as the reduction is named.
std::vector<std::string> named_once(std::vector<std::string> record, const std::string& where) {
  for (auto name = record.begin(); name != record.end(); ++name)
    if (std::count(record.begin(), name, *name)) throw ConfigError(where, "`" + *name + "` twice in `record`", "each once");
  return record;
}

Planner::ExtensionList Planner::extension_choices(const PluginUse& use) try {
  const std::string name = resolve("extension", use);
  if (name.empty()) return {};
  const Schema own = registry_.schema("extension", name);
  const Schema schema = own.joined(instance_schema());
  ExtensionList all;
  for (const Choice& choice : plugin_choices(use, own, schema, "extension `" + name + "`")) {
    placed(use.where, [&] { return registry_.make_extension(name, only(own, choice.options)); });  // may refuse them
    ExtensionChoice extension;
    extension.settings = {name_of(use, name, choice), name, only(own, choice.options), choice.options.integer("every"),
                          named_once(choice.options.texts("record"), use.where), choice.options.text("save") == "tensors", budget_of(use, name, choice)};
    extension.where = use.where;
    add_given(extension.given, choice, extension.settings.name + ".");
    all.push_back(std::move(extension));
  }
  return all;
} catch (const ConfigError& e) {
  problems_.add(e);
  return {};
}

/// Its name in every key.
std::string Planner::name_of(const PluginUse& use, const std::string& plugin, const Choice& choice) {
  const std::string& as = choice.options.text("as");
  const std::string found = "extension `" + plugin + "` as `" + as + "`";
  if (choice.is_given("as") && !is_key(as)) problems_.add(choice.where("as", use.where), found, "letters, digits and '_'");
  if (const auto reserved = kReservedNames.find(as); reserved != kReservedNames.end())
    problems_.add(choice.where("as", use.where), found, "another name, since `" + as + "` " + reserved->second);
  return as.empty() ? plugin : as;
}

/// "10%" as 10; 0 where there is none.
double Planner::budget_of(const PluginUse& use, const std::string& plugin, const Choice& choice) {
  const std::string& text = choice.options.text("budget");
  if (text.empty()) return 0;
  if (choice.is_given("every"))
    problems_.add(choice.where("budget", use.where), "extension `" + plugin + "` with `every` and `budget`", "one of them");
  const auto percent = text.back() == '%' ? parse_real(text.substr(0, text.size() - 1)) : std::nullopt;
  if (percent && *percent > 0 && *percent <= kLargestBudget) return *percent;
  problems_.add(choice.where("budget", use.where), "extension `" + plugin + "` with option `budget` = " + text,
                "a share of the training's time above 0% and at most 1000%, as `10%`");
  return 0;
}

void Planner::check_names(const ExtensionList& extensions, const std::vector<PluginUse>& uses) {
  for (std::size_t i = 0; i < extensions.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (extensions[i].settings.name == extensions[j].settings.name)
        problems_.add(uses[i].where, "a second extension called `" + extensions[i].settings.name + "`",
                      "another name through `as`");
}

std::vector<Planner::ExtensionList> Planner::extension_lists(const std::vector<PluginUse>& uses) {
  std::vector<ExtensionList> lists = {{}};
  std::vector<PluginUse> sound;
  for (const PluginUse& use : uses) {
    const auto choices = extension_choices(use);
    if (choices.empty() || too_many(lists.size() * choices.size(), use.where)) continue;
    sound.push_back(use);
    std::vector<ExtensionList> longer;
    for (const auto& list : lists)
      for (const auto& choice : choices) {
        longer.push_back(list);
        longer.back().push_back(choice);
      }
    lists = std::move(longer);
  }
  for (const auto& list : lists) check_names(list, sound);
  return lists;
}

void Planner::add_run(const Experiment& experiment, const Cell& cell, Plan& plan) {
  if (exclusions_.leave_out(experiment.exclusions, cell.settings)) {
    ++plan.excluded;
    return;
  }
  const std::string id = settings_id(cell.settings);
  if (ids_.insert(id).second)
    plan.runs.push_back({static_cast<int64_t>(plan.runs.size()), id, cell.settings, cell.places});
  else
    ++plan.repeated;
}

void Planner::add_cells(const Experiment& experiment, const Cell& base, Plan& plan) {
  for (const auto& set : experiment.extension_sets)
    for (const auto& extensions : extension_lists(set))
      for (Cell cell : environments_) {
        cell.settings.problem = base.settings.problem;
        cell.settings.runner = base.settings.runner;
        cell.settings.loop = base.settings.loop;
        cell.places.problem = base.places.problem;
        cell.places.runner = base.places.runner;
        cell.places.batch_size = base.places.batch_size;
        cell.places.given.insert(base.places.given.begin(), base.places.given.end());
        for (const ExtensionChoice& extension : extensions) {
          cell.settings.extensions.push_back(extension.settings);
          cell.places.extensions.push_back(extension.where);
          cell.places.given.insert(extension.given.begin(), extension.given.end());
        }
        if (too_many(plan.runs.size() + 1, experiment.where)) return;
        if (problems_.empty()) add_run(experiment, cell, plan);
      }
}

void Planner::add_runner(const Experiment& experiment, const Cell& problem, const PluginUse& use, Plan& plan) {
  const std::string runner = resolve("runner", use);
  if (runner.empty()) return;
  const auto& [name, options] = problem.settings.problem;
  const auto facts = placed(problem.places.problem, [&, plugin = name, values = options] {
    return registry_.make_problem(plugin, values)->facts();
  });
  for (const Choice& choice : runner_choices(use, runner, facts)) {
    Cell cell = problem;
    cell.settings.runner = {runner, only(registry_.schema("runner", runner), choice.options)};
    placed(use.where, [&] { return registry_.make_runner(runner, cell.settings.runner.options); });  // may refuse them
    cell.settings.loop = loop_settings(choice.options, choice.is_given("l2_reg"), use.where);
    cell.places.runner = use.where;
    add_given(cell.places.given, choice);
    cell.places.batch_size = choice.where("batch_size", use.where);
    add_cells(experiment, cell, plan);
  }
}

/// Their options, whose defaults alone depend on the problem.
void Planner::look_at_runners(const Experiment& experiment) {
  ProblemFacts any;
  any.batch_size = any.epochs = 1;
  for (const PluginUse& use : experiment.runners) try {
      if (const std::string runner = resolve("runner", use); !runner.empty()) runner_choices(use, runner, any);
    } catch (const ConfigError& e) {
      problems_.add(e);
    }
}

void Planner::add_experiment(const Experiment& experiment, Plan& plan) {
  // Looked at even where problem or runner is wrong, so that every error of the file is told at once.
  environments_ = environments(experiment);
  for (const auto& set : experiment.extension_sets) extension_lists(set);
  look_at_runners(experiment);
  for (const PluginUse& use : experiment.problems) {
    const std::string name = resolve("problem", use);
    if (name.empty()) continue;
    const Schema schema = registry_.schema("problem", name);
    const std::string owner = "problem `" + name + "`";
    for (const Choice& choice : plugin_choices(use, schema, schema, owner))
      for (const PluginUse& runner : experiment.runners) try {
          Cell cell;
          cell.settings.problem = {name, choice.options};
          cell.places.problem = use.where;
          add_given(cell.places.given, choice, "problem.");
          add_runner(experiment, cell, runner, plan);
        } catch (const ConfigError& e) {
          problems_.add(e);
        }
  }
  exclusions_.end_experiment(experiment.exclusions, problems_);
}

Plan Planner::plan(const Campaign& campaign) {
  Plan plan;
  plan.campaign = campaign.name;
  for (const Experiment& experiment : campaign.experiments) add_experiment(experiment, plan);
  plan.idle_exclusions = exclusions_.idle();
  if (plan.runs.empty() && plan.excluded > 0)
    problems_.add(exclusions_.first(), "`exclude` of all " + std::to_string(plan.excluded) + " combinations", "a run that is left");
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
  add_includes(root, problems);
  for (const auto& assignment : assignments) apply_assignment(root, assignment);
  return make_plan(read_campaign(root, problems), registry, overrides, problems);
}

}  // namespace backobs
