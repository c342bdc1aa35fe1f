// SPDX-License-Identifier: MIT
#include "campaign/checkpoints.h"
#include "campaign/surroundings.h"
#include "cli/campaign_flags.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "files/comma_list.h"
#include "files/number_format.h"
#include "files/printable.h"
#include "report/finished_runs.h"
#include "report/run_status.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <utility>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr auto kBetweenLooks = std::chrono::seconds(2);

struct StatusOptions {
  fs::path folder;
  std::string explain;
  bool watch = false, json = false;
};

Json status_json(const RunStatus& status) {
  return {{"index", status.run.index},
          {"id", status.run.id},
          {"title", status.run.title},
          {"state", status.state},
          {"epoch", status.epoch},
          {"epochs", status.epochs},
          {"step", status.step},
          {"loss", status.loss ? Json(*status.loss) : Json()},
          {"left_s", status.left_s ? Json(*status.left_s) : Json()},
          {"reason", status.reason}};
}

std::string status_table(const std::vector<RunStatus>& all) {
  std::vector<std::vector<std::string>> rows = {{"run", "id", "state", "epoch", "step", "loss", "left", "what"}};
  for (const RunStatus& one : all) {
    const std::string left = one.left_s ? formatted("%.0f s", *one.left_s) : "";
    const std::string loss = one.loss ? formatted("%.4g", *one.loss) : "";
    rows.push_back({std::to_string(one.run.index), one.run.id, one.state,
                    std::to_string(one.epoch) + "/" + std::to_string(one.epochs), std::to_string(one.step), loss, left,
                    one.run.title});
  }
  return table(rows);
}

void print_table(const std::vector<RunStatus>& all) {
  print(status_table(all));
  for (const RunStatus& one : all)
    if (!one.reason.empty()) print("\n" + printable(one.run.id + " " + one.state + ": " + one.reason) + "\n");
}

const RunStatus& find(const std::vector<RunStatus>& all, const std::string& index_or_id) {
  std::vector<std::string> ids;
  for (const RunStatus& one : all) {
    if (one.run.id == index_or_id || std::to_string(one.run.index) == index_or_id) return one;
    ids.push_back(one.run.id);
  }
  throw UsageError("--explain", "`" + index_or_id + "`", "an index or id of the campaign's runs",
                   nearest_name(index_or_id, ids));
}

/// What `backobs run` does with a run that stands so, and why.
std::string verdict(const std::string& state, bool rebuilt) {
  if (state == "done" || state == "diverged")
    return "reused: a run of exactly these settings is " + state + (rebuilt ? ", though with other builds of plugins" : "");
  if (state == "failed") return "performed again: it failed before";
  if (state == "running") return "left alone: a process is at work on it";
  if (state == "interrupted")
    return rebuilt ? "performed anew: plugins were rebuilt since its checkpoint" : "taken up again: it has a checkpoint";
  return "performed: there is no run of exactly these settings yet";
}

/// The plugins as they are now, for the names a run's settings have.
Facts plugins_now(const Json& settings, const Registry& registry) {
  RunSettings named;
  named.problem.name = settings.at("problem").get<std::string>();
  named.runner.name = settings.at("runner").get<std::string>();
  for (const Json& extension : settings.at("extensions"))
    named.extensions.push_back({"", extension.at("plugin").get<std::string>(), {}, 1, {}});
  return plugin_facts(named, registry);
}

std::string since(const Facts& then, const Facts& now) {
  if (then.empty()) return "not recorded yet";
  const std::string changes = difference(then, now);
  return changes.empty() ? "the same as now" : "not the same as now; " + changes;
}

std::map<std::string, std::string> all_settings(const Json& settings) {
  auto all = flat_settings(settings);
  for (const char* name : {"problem", "runner"}) all[name] = settings.value(name, "");
  all["seed"] = settings.value("seed", Json()).dump();
  if (settings.contains("init_digest")) all["init_digest"] = settings["init_digest"].dump();
  return all;
}

/// "lr: 0.1, now 0.2; momentum: none, now 0.9".
std::vector<std::string> changes_between(const Json& then, const Json& now) {
  auto before = all_settings(then), after = all_settings(now);
  const auto text = [](const std::string& value) { return value.empty() ? "none" : value; };
  for (const auto& [name, value] : before) after[name];
  std::vector<std::string> changes;
  for (const auto& [name, value] : after)
    if (before[name] != value) changes.push_back(name + ": " + text(before[name]) + ", now " + text(value));
  return changes;
}

/// Of a run that is not there yet: the finished one whose settings are nearest, and what differs.
std::string nearest_finished(const fs::path& folder, const Json& settings) {
  constexpr std::size_t kMostShown = 4;
  std::error_code ignored;
  if (!fs::is_directory(folder / "runs", ignored)) return "no run is finished";
  DamagedRuns damaged;
  std::string nearest = "no run is finished";
  std::size_t fewest = 0;
  for (const FinishedRun& run : finished_runs(folder, damaged)) {
    const auto changes = changes_between(run.record.at("settings"), settings);
    if (changes.empty() || (fewest && changes.size() >= fewest)) continue;
    fewest = changes.size();
    std::vector<std::string> shown(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(std::min(fewest, kMostShown)));
    if (fewest > kMostShown) shown.push_back(std::to_string(fewest - kMostShown) + " more");
    nearest = "nearest is " + run.id + ", with " + comma_list(shown, "; ");
  }
  return nearest;
}

Json explanation(Context& context, const StatusOptions& options, const RunStatus& status) {
  std::ifstream stream(options.folder / "runs" / status.run.id / "run.json");
  const Json record = stream ? Json::parse(stream, nullptr, false) : Json();
  const Json& settings = status.run.settings;
  const std::string data = settings.value("data_dir", "");
  Facts plugins = facts_of(record, "plugin_digests"), machine = facts_of(record, "machine");
  if (status.state == "interrupted")
    if (const auto checkpoint = Checkpoints(options.folder / "runs" / status.run.id).newest(at::kCPU)) {
      plugins = facts_of(*checkpoint, "plugin");
      machine = facts_of(*checkpoint, "machine");
    }
  const Facts now = plugins_now(settings, context.registry());
  const bool rebuilt = !plugins.empty() && !difference(plugins, now).empty();
  Json all = {{"run", status.run.title}, {"id", status.run.id}, {"state", status.state}, {"verdict", verdict(status.state, rebuilt)}};
  if (status.state == "waiting") all["changed"] = nearest_finished(options.folder, settings);
  all["plugins"] = since(plugins, now);
  all["machine"] = since(machine, machine_facts());
  all["data"] = settings.value("source", "") + ", " + (data.empty() ? "from the usual places" : "from " + data) +
                "; the folder is no part of the id";
  all["settings"] = settings;
  return all;
}

void print_explanation(const Json& all) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : all.items())
    if (value.is_string()) rows.push_back({name, value.get<std::string>()});
  print(table(rows));
}

Json status_document(const CampaignFolder& folder, const StatusOptions& options, const std::vector<RunStatus>& all) {
  Json json = {{"campaign", folder.campaign()}, {"folder", options.folder.string()}, {"runs", Json::array()}};
  for (const RunStatus& one : all) json["runs"].push_back(status_json(one));
  return json;
}

bool is_over(const RunStatus& one) { return one.state == "done" || one.state == "diverged" || one.state == "failed"; }

/// "12 runs: 3 done, 2 running, 7 waiting".
std::string counts_text(const std::vector<RunStatus>& all) {
  std::string text = std::to_string(all.size()) + (all.size() == 1 ? " run" : " runs");
  const char* separator = ": ";
  for (const std::string state : {"done", "diverged", "failed", "running", "interrupted", "waiting"}) {
    const auto count = std::count_if(all.begin(), all.end(), [&](const RunStatus& one) { return one.state == state; });
    if (count) text += std::exchange(separator, ", ") + std::to_string(count) + " " + state;
  }
  return text + "\n";
}

/// What is at work, then what waits, as far as there are lines; what is done and diverged is in the counts alone.
std::string watched_table(const std::vector<RunStatus>& all, std::size_t most) {
  std::vector<RunStatus> shown;
  for (const std::string state : {"running", "failed", "interrupted", "waiting"})
    for (const RunStatus& one : all)
      if (one.state == state) shown.push_back(one);
  if (shown.empty()) return "";
  const std::size_t left_out = shown.size() - std::min(shown.size(), most);
  shown.resize(shown.size() - left_out);
  return status_table(shown) + (left_out ? "... and " + std::to_string(left_out) + " more\n" : "");
}

/// On a terminal the table in place of the one before; elsewhere, or as JSON, a line whenever something has changed.
class Watch {
 public:
  Watch(const CampaignFolder& folder, const StatusOptions& options)
      : folder_(folder), options_(options), in_place_(isatty(STDOUT_FILENO) && !options.json) {}
  void show(const std::vector<RunStatus>& all) {
    const std::string text = options_.json ? status_document(folder_, options_, all).dump() + "\n" : counts_text(all);
    if (in_place_)
      replace(text + watched_table(all, room()));
    else if (text != last_)
      print(text);
    last_ = text;
    std::fflush(stdout);
  }

 private:
  static winsize terminal() {
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 6 && size.ws_col > 0;
    if (!known) size.ws_row = 24, size.ws_col = 80;
    return size;
  }
  /// Lines below the counts, the head of the table and what is left out.
  static std::size_t room() { return terminal().ws_row - 4u; }
  /// Lines are cut at the edge: one that wraps would not be overwritten.
  void replace(const std::string& text) {
    if (lines_) print("\033[" + std::to_string(lines_) + "A\r\033[J");
    lines_ = 0;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line); ++lines_) print(line.substr(0, terminal().ws_col - 1u) + "\n");
  }

  const CampaignFolder& folder_;
  const StatusOptions& options_;
  bool in_place_;
  int64_t lines_ = 0;  ///< shown last
  std::string last_;
};

/// Until every run is over.
ExitCode watch_status(const CampaignFolder& folder, const StatusOptions& options) {
  Watch watch(folder, options);
  while (true) {
    const auto all = campaign_status(folder);
    watch.show(all);
    if (std::all_of(all.begin(), all.end(), is_over)) return ExitCode::done;
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

ExitCode show_status(Context& context, const StatusOptions& options) {
  const CampaignFolder folder(options.folder);
  if (options.watch) return watch_status(folder, options);
  const auto all = campaign_status(folder);
  if (!options.explain.empty()) {
    const Json told = explanation(context, options, find(all, options.explain));
    options.json ? print(told) : print_explanation(told);
    return ExitCode::done;
  }
  if (!options.json) {
    print_table(all);
    return ExitCode::done;
  }
  print(status_document(folder, options, all));
  return ExitCode::done;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App& verb = add_verb(app, context, "status", "Shows where the runs of a campaign stand, from its files.",
                            [&context, options] { return show_status(context, *options); }, {"--plugin-path"});
  verb.add_option("folder", options->folder, "the campaign's folder")->required()->type_name("DIR");
  CLI::Option* explain =
      add_run_flag(verb, "--explain", options->explain, "why `backobs run` would reuse or perform this run");
  verb.add_flag("--watch", options->watch, "look again every two seconds, until every run is over")->excludes(explain);
  verb.add_flag("--json", options->json, "as JSON");
}

}  // namespace backobs
