// SPDX-License-Identifier: MIT
#include "campaign/safe_file.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "files/comma_list.h"
#include "files/number_format.h"
#include "report/finished_runs.h"
#include "report/html_report.h"

#include <backobs/log.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

struct ReportOptions {
  fs::path folder, to, convergence;
  std::string best_by = "final", metric;
  bool json = false;
};

std::string one_of(const std::string& flag, const std::string& value, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return value;
  throw UsageError(flag, "`" + value + "`", "one of: " + comma_list(known), nearest_name(value, known));
}

/// "valid_accuracy" for "valid accuracy".
std::vector<std::string> metric_flags() {
  auto names = evaluation_metrics();
  for (auto& name : names) std::replace(name.begin(), name.end(), ' ', '_');
  return names;
}

ReportChoices choices_of(const ReportOptions& options) {
  ReportChoices choices;
  const auto names = rank_names();
  const auto by = std::find(names.begin(), names.end(), one_of("--best-by", options.best_by, names));
  choices.best_by = static_cast<RankBy>(by - names.begin());
  if (!options.metric.empty()) choices.metric = one_of("--metric", options.metric, metric_flags());
  std::replace(choices.metric.begin(), choices.metric.end(), '_', ' ');
  if (!options.convergence.empty())
    for (const auto& [problem, value] : read_convergence(options.convergence)) choices.convergence[problem] = value;
  return choices;
}

std::string text(const std::optional<double>& value) { return value ? formatted("%.4g", *value) : ""; }

/// Best first within each problem, problems in their order.
std::vector<const Setting*> ranked(const std::vector<Setting>& settings, const std::string& by) {
  std::vector<const Setting*> all;
  std::vector<std::string> problems;
  for (const Setting& one : settings) {
    all.push_back(&one);
    if (std::find(problems.begin(), problems.end(), one.problem) == problems.end()) problems.push_back(one.problem);
  }
  const auto place = [&](const Setting* one) {
    return std::pair(std::find(problems.begin(), problems.end(), one->problem) - problems.begin(), one->rank.at(by));
  };
  std::sort(all.begin(), all.end(), [&](const Setting* a, const Setting* b) { return place(a) < place(b); });
  return all;
}

/// The value that settings are ranked by, and those of the sets beside it.
std::string value_of(const Setting& one, const std::string& metric, const std::string& by) {
  const auto found = one.metrics.find(metric);
  if (found == one.metrics.end()) return "";
  if (by == "best") return found->second.best ? text(found->second.best) + " in epoch " + std::to_string(found->second.best_epoch) : "";
  return text(found->second.final);
}

void print_settings(const std::vector<const Setting*>& settings, const std::string& by) {
  Rows rows = {{"problem", "rank", "runner", "setting", "seeds", "diverged", "by", "value", "test loss", "test accuracy"}};
  for (const Setting* one : settings)
    rows.push_back({one->problem, std::to_string(one->rank.at(by)), one->runner, one->name, std::to_string(one->runs.size()),
                    std::to_string(one->diverged), one->ranked_by, value_of(*one, one->ranked_by, by),
                    value_of(*one, "test loss", by), value_of(*one, "test accuracy", by)});
  print("settings, " + by + " first:\n" + table(rows, "  "));
}

/// The best setting of each problem and runner.
void print_performance(const std::vector<const Setting*>& settings, const std::string& by) {
  Rows rows = {{"problem", "runner", "setting", "seeds", "measure", "performance", "converged at", "speed", "reached by"}};
  std::set<std::pair<std::string, std::string>> seen;
  for (const Setting* one : settings) {
    if (!seen.emplace(one->problem, one->runner).second) continue;
    const auto found = one->metrics.find(one->performance_of);
    std::string performance = value_of(*one, one->performance_of, by);
    if (by != "best" && found != one->metrics.end() && found->second.final_std) performance += " ± " + text(found->second.final_std);
    rows.push_back({one->problem, one->runner, one->name, std::to_string(one->runs.size()), one->performance_of, performance,
                    text(one->convergence), one->convergence ? text(one->speed) + " epochs" : "n. a.",
                    one->convergence ? std::to_string(one->reached) : ""});
  }
  print("\nperformance and speed of the best setting of each runner:\n" + table(rows, "  "));
}

void print_costs(const std::vector<StepCost>& costs) {
  if (std::all_of(costs.begin(), costs.end(), [](const StepCost& one) { return one.extensions.empty(); })) return;
  Rows rows = {{"problem", "batch", "type", "threads", "extensions due", "steps", "ms a step", "without", "times"}};
  for (const StepCost& one : costs) {
    const double ms = 1e3 * one.seconds / static_cast<double>(one.steps);
    rows.push_back({one.problem, one.batch_size, one.dtype, one.threads, one.extensions.empty() ? "none" : one.extensions,
                    std::to_string(one.steps), formatted("%.4g", ms), one.plain ? formatted("%.4g", 1e3 * *one.plain) : "",
                    one.plain ? formatted("%.3g", ms / (1e3 * *one.plain)) : ""});
  }
  print("\ntime of training steps by the extensions due:\n" + table(rows, "  "));
}

/// A file may be of more problems than a campaign has, but a slip of the pen looks the same.
void warn_of_strangers(const std::map<std::string, double>& convergence, const CampaignFolder& folder) {
  std::vector<std::string> problems;
  for (const auto& run : folder.planned()) problems.push_back(run.settings.at("problem").get<std::string>());
  const auto published = published_convergence();
  for (const auto& [problem, value] : convergence)
    if (!published.count(problem) && std::find(problems.begin(), problems.end(), problem) == problems.end()) {
      const auto nearest = nearest_name(problem, problems);
      log::warn("--convergence: no run of `" + problem + "`" + (nearest.empty() ? "" : "; nearest: `" + nearest + "`"));
    }
}

void print_tables(const CampaignFolder& folder, const ReportChoices& choices, const ReportOptions& options) {
  const ReportData data = report_data(folder, choices);
  warn_of(data.damaged);
  const std::string by = rank_names()[static_cast<std::size_t>(choices.best_by)];
  if (options.json) {
    print(Json{{"campaign", folder.campaign()},
               {"folder", options.folder.string()},
               {"best_by", by},
               {"settings", ranking_json(data.settings)},
               {"step_costs", step_costs_json(data.step_costs)}});
    return;
  }
  if (data.settings.empty()) return log::warn(options.folder.string() + ": no run is done yet");
  const auto settings = ranked(data.settings, by);
  print_settings(settings, by);
  print_performance(settings, by);
  print_costs(data.step_costs);
}

ExitCode report(const ReportOptions& options) {
  const CampaignFolder folder(options.folder);
  const ReportChoices choices = choices_of(options);
  warn_of_strangers(choices.convergence, folder);
  tell_of_earlier_plans(options.folder);
  if (options.to.empty()) {
    print_tables(folder, choices, options);
    return ExitCode::done;
  }
  const std::string page = html_report(folder, choices);
  write_file(options.to, page);
  log::info("wrote " + options.to.string() + ", " + std::to_string((page.size() + 1023) / 1024) + " KiB");
  return ExitCode::done;
}

}  // namespace

void add_report(CLI::App& app, Context& context) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App& verb = add_verb(app, context, "report",
                            "Ranks the settings of a campaign and shows performance, speed and costs, or writes all its results as one HTML page.",
                            [options] { return report(*options); }, {});
  verb.add_option("folder", options->folder, "the campaign's folder")->required()->type_name("DIR");
  auto* to = verb.add_option("--to", options->to, "one HTML page that needs nothing else, instead of tables here")->type_name("FILE.html");
  verb.add_option("--best-by", options->best_by,
                  "final: by the mean over seeds at the end (default); best: in its best epoch; most: by the number of seeds")
      ->type_name("final|best|most");
  verb.add_option("--metric", options->metric, "what settings are ranked by (default: valid_accuracy; valid_loss where there is none)")
      ->type_name("METRIC");
  verb.add_option("--convergence", options->convergence,
                  "JSON with one value per problem at which a training counts as converged, beside those that DeepOBS published")
      ->type_name("FILE.json");
  verb.add_flag("--json", options->json, "the tables as JSON")->excludes(to);
}

}  // namespace backobs
