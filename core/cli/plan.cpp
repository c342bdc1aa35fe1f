// SPDX-License-Identifier: MIT
#include "cli/campaign_flags.h"
#include "cli/print.h"
#include "cli/rehearse.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "files/comma_list.h"
#include "files/number_format.h"
#include "files/printable.h"
#include "report/finished_runs.h"
#include "report/run_status.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct PlanOptions {
  fs::path file;
  std::string only;
  std::vector<std::string> set;
  bool json = false;
  RehearsalChild child;
};

/// A plan with all that is known before it is performed.
struct Outlook {
  const Plan& plan;
  fs::path folder;
  Rehearsed rehearsed;
  std::vector<const Run*> runs;  ///< those that are shown

  std::string state(const Run& run) const { return run_state(RunFolder(folder, run.id)); }
};

Json estimate_json(const Estimate& estimate) {
  return {{"seconds", estimate.seconds}, {"memory_mib", estimate.memory_mib}, {"disk_mib", estimate.disk_mib}};
}

Json left_out_json(const std::vector<Refusal>& refusals) {
  Json json = Json::array();
  for (const Refusal& one : refusals)
    json.push_back({{"quantity", one.quantity}, {"parameter", one.parameter}, {"reason", one.reason}});
  return json;
}

/// Extensions with a budget, whose steps no repetition has to repeat.
std::set<std::string> chosen_by_clock(const Run& run) {
  std::set<std::string> names;
  for (const auto& extension : run.settings.extensions)
    if (extension.budget > 0) names.insert(extension.name);
  return names;
}

Json run_json(const Outlook& outlook, const Run& run) {
  Json json = {{"index", run.index}, {"id", run.id}, {"state", outlook.state(run)}};
  json["settings"] = settings_json(run.settings);
  json["given"] = run.places.given;
  json["chosen_by_clock"] = chosen_by_clock(run);
  const auto& [obstacles, left_out, estimates, no_estimates] = outlook.rehearsed;
  const auto refused = left_out.find(run.index);
  json["left_out"] = left_out_json(refused == left_out.end() ? std::vector<Refusal>() : refused->second);
  if (const auto found = estimates.find(run.index); found != estimates.end())
    json["estimate"] = estimate_json(found->second);
  if (const auto found = no_estimates.find(run.index); found != no_estimates.end()) json["no_estimate"] = found->second;
  return json;
}

void print_json(const Outlook& outlook) {
  Json json = {{"campaign", outlook.plan.campaign}, {"folder", outlook.folder.string()}, {"runs", Json::array()}};
  for (const Run* run : outlook.runs) json["runs"].push_back(run_json(outlook, *run));
  print(json);
}

std::string extension_text(const ExtensionSettings& extension) {
  std::string text = extension.name;
  if (extension.plugin != extension.name) text += " (" + extension.plugin + ")";
  if (extension.budget > 0) text += " budget " + shortest_real(extension.budget) + "%";
  if (extension.every != 1) text += " every " + std::to_string(extension.every);
  for (const auto& [name, value] : extension.options.values()) text += " " + name + "=" + to_text(value);
  for (std::size_t i = 0; i < extension.record.size(); ++i) text += (i ? "," : " record ") + extension.record[i];
  return text + (extension.save_tensors ? " save tensors" : "");
}

/// "4:13" of "a.yaml:4:13"; a flag as it is.
std::string short_place(const std::string& where, const fs::path& file) {
  const std::string head = file.string() + ":";
  return where.compare(0, head.size(), head) == 0 ? where.substr(head.size()) : where;
}

/// "given: lr=0.1 (4:30) ..." and "default: momentum=0 ...", without those of extensions, which have lines of their
/// own.
std::pair<std::string, std::string> settings_texts(const Run& run, const fs::path& file) {
  std::string given, defaults;
  for (const auto& [name, value] : flat_settings(settings_json(run.settings))) {
    bool is_of_extension = false;
    for (const auto& one : run.settings.extensions)
      is_of_extension = is_of_extension || name.rfind(one.name + ".", 0) == 0;
    const auto place = run.places.given.find(name);
    const std::string text = " " + name + "=" + (value.empty() ? "none" : value);
    if (is_of_extension || name == "init_digest") continue;
    if (place == run.places.given.end())
      defaults += text;
    else
      given += text + " (" + short_place(place->second, file) + ")";
  }
  for (const auto& [name, value] : {std::pair<std::string, std::string>("init", run.settings.init.string()),
                                    {"data_dir", run.settings.data_folder.string()}})
    if (const auto place = run.places.given.find(name); place != run.places.given.end())
      given += " " + name + "=" + value + " (" + short_place(place->second, file) + ")";
  return {given, defaults};
}

/// "1 h 20 min", "3 min 5 s", "12 s".
std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole >= 3600) return std::to_string(whole / 3600) + " h " + std::to_string(whole / 60 % 60) + " min";
  if (whole >= 60) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return formatted("%.2g s", seconds);
}

std::string estimate_text(const Estimate& estimate) {
  return "about " + duration_text(estimate.seconds) + ", " + formatted("%.0f", estimate.memory_mib) +
         " MiB of memory, " + formatted("%.2g", estimate.disk_mib) + " MiB on disk";
}

void print_run(const Outlook& outlook, const Run& run, const fs::path& file, const Paint& paint) {
  const auto [given, defaults] = settings_texts(run, file);
  print(formatted("%3.0f ", static_cast<double>(run.index)) + paint.bold(run.id) + "  " +
        printable(short_text(run.settings)) + "  " + paint.dim(outlook.state(run)) + "\n");
  if (!given.empty()) print("      given:  " + printable(given) + "\n");
  print("      default:" + printable(defaults) + "\n");
  for (const auto& extension : run.settings.extensions) print("      + " + printable(extension_text(extension)) + "\n");
  const auto& [obstacles, left_out, estimates, no_estimates] = outlook.rehearsed;
  if (const auto found = estimates.find(run.index); found != estimates.end())
    print("      " + estimate_text(found->second) + "\n");
  if (const auto found = no_estimates.find(run.index); found != no_estimates.end())
    print("      no estimate: " + printable(found->second) + "\n");
}

/// One row per problem, quantity and reason, with the parameters it is true of.
void print_left_out(const Outlook& outlook) {
  std::map<std::vector<std::string>, std::set<std::string>> parameters;
  for (const Run* run : outlook.runs) {
    const auto found = outlook.rehearsed.left_out.find(run->index);
    if (found == outlook.rehearsed.left_out.end()) continue;
    for (const Refusal& one : found->second)
      parameters[{run->settings.problem.name, one.quantity, one.reason}].insert(one.parameter);
  }
  if (parameters.empty()) return;
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, names] : parameters) {
    rows.push_back({key[0], key[1], key[2], comma_list({names.begin(), names.end()})});
  }
  print("quantities that are left out, because they cannot work there:\n" + table(rows, "  "));
}

void print_chosen_by_clock(const Outlook& outlook) {
  std::set<std::string> names;
  for (const Run* run : outlook.runs) names.merge(chosen_by_clock(*run));
  if (names.empty()) return;
  print("a clock chooses the steps of " + comma_list({names.begin(), names.end()}) + ": the promise of identical bytes does not hold for their rows\n");
}

void print_total(const Outlook& outlook) {
  double seconds = 0, disk_mib = 0, memory_mib = 0;
  for (const auto& [index, estimate] : outlook.rehearsed.estimates) {
    seconds += estimate.seconds;
    disk_mib += estimate.disk_mib;
    memory_mib = std::max(memory_mib, estimate.memory_mib);
  }
  if (seconds > 0) print("one after the other: " + estimate_text({seconds, memory_mib, disk_mib}) + "\n");
}

void print_text(const Outlook& outlook, const fs::path& file) {
  const Paint paint(stdout);
  const Plan& plan = outlook.plan;
  print("campaign " + plan.campaign + ": " + std::to_string(plan.runs.size()) + " runs\n");
  for (const Run* run : outlook.runs) print_run(outlook, *run, file, paint);
  if (plan.excluded) print(std::to_string(plan.excluded) + " combinations are excluded\n");
  warn_of_idle_exclusions(plan);
  if (plan.repeated) print(std::to_string(plan.repeated) + " combinations repeat an earlier run and are left out\n");
  print_left_out(outlook);
  print_chosen_by_clock(outlook);
  print_total(outlook);
}

ExitCode show_plan(Context& context, const PlanOptions& options) {
  const bool is_child = options.child.answers >= 0;
  const std::string text = is_child ? "" : text_of(options.file);
  const Plan plan = read_plan(options.file, context.registry(), overrides_from(context.flags), options.set);
  const fs::path folder = campaign_folder(context.flags, plan);
  if (is_child) return rehearse_as_child(context, plan, options.only, options.child, folder);
  Outlook outlook{plan, folder, {}, {}};
  outlook.runs = chosen_runs(plan, options.only);
  const Rehearsal question(context.registry(), options.child.measures);
  const auto concerns = [&](const Run* run) { return question.concerns(*run); };
  if (std::any_of(outlook.runs.begin(), outlook.runs.end(), concerns))
    outlook.rehearsed =
        rehearse_apart(context, plan, NamelessFile(text), {options.only, options.set, false, options.child.measures});
  refuse_obstacles(outlook.rehearsed, options.file, text);
  options.json ? print_json(outlook) : print_text(outlook, options.file);
  return ExitCode::done;
}

}  // namespace

void add_plan(CLI::App& app, Context& context) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App& verb = add_verb(app, context, "plan", "Shows the runs of an experiment file with their effective settings.",
                            [&context, options] { return show_plan(context, *options); });
  verb.add_option("file", options->file, "experiment file (YAML)")->required()->type_name("FILE");
  add_run_flag(verb, "--only", options->only, "this run alone, by its index or id");
  add_set_flag(verb, options->set);
  verb.add_flag("--estimate", options->child.measures,
                "also time, memory and disk of each run, measured by a few steps");
  verb.add_flag("--json", options->json, "as JSON");
  add_rehearsal_flags(verb, options->child);
}

}  // namespace backobs
