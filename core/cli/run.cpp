// SPDX-License-Identifier: MIT
#include "campaign/attribution.h"
#include "campaign/campaign_folder.h"
#include "campaign/execute_run.h"
#include "campaign/scheduler.h"
#include "campaign/stop_request.h"
#include "campaign/surroundings.h"
#include "cli/campaign_flags.h"
#include "cli/campaign_progress.h"
#include "cli/rehearse.h"
#include "cli/run_progress.h"
#include "cli/verbs.h"
#include "files/comma_list.h"
#include "files/number_format.h"
#include "host/threads.h"

#include <backobs/log.h>

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>

namespace backobs {
namespace {

namespace fs = std::filesystem;

struct RunOptions {
  fs::path file;
  std::string only;
  std::vector<std::string> set;
  bool json = false;
  ScheduleConditions schedule;
  RunConditions conditions;
  int child = -1;     ///< in a run's own process: the descriptor of its position
  pid_t parent = -1;  ///< and who started it
};

/// The run itself, in a process of its own.
ExitCode execute_as_child(Context& context, const RunOptions& options) {
  die_with_parent(options.parent);
  listen_as_run();
  share_position(options.child);
  const Plan plan = read_plan(options.file, context.registry(), overrides_from(context.flags), options.set);
  const Run& run = plan.find(options.only);
  RunProgress progress(title_of(run.index, plan.runs.size(), short_text(run.settings)), run.settings.loop.epochs);
  const std::string state = execute_run(plan.campaign, run, context.registry(), campaign_folder(context.flags, plan),
                                        options.conditions, progress);
  progress.finish(state);
  return state == "interrupted" ? ExitCode::interrupted : ExitCode::done;
}

/// What beside the file decides on the plan.
std::vector<std::string> plan_arguments(const Context& context, const RunOptions& options) {
  std::vector<std::string> all = flags_again(context.flags);
  for (const auto& assignment : options.set) all.insert(all.end(), {"--set", assignment});
  return all;
}

/// How a run's process is called.
RunCommand command_of(const Context& context, const RunOptions& options, const std::string& file,
                      const fs::path& output) {
  std::vector<std::string> common = plan_arguments(context, options);
  common.insert(common.end(), {"--output", output.string(), "--parent", std::to_string(::getpid()),
                               "--checkpoint-every", shortest_real(options.conditions.checkpoint_every_s)});
  if (options.conditions.allow_drift) common.push_back("--allow-drift");
  return [common, file](const Run& run, int position) {
    std::vector<std::string> all = {"run", file, "--only", run.id, "--child", std::to_string(position)};
    all.insert(all.end(), common.begin(), common.end());
    return all;
  };
}

void print_json(const Plan& plan, const fs::path& folder, const std::vector<Ending>& endings) {
  nlohmann::ordered_json json = {
      {"campaign", plan.campaign}, {"folder", folder.string()}, {"runs", nlohmann::ordered_json::array()}};
  for (const Ending& ending : endings)
    json["runs"].push_back({{"index", ending.run->index},
                            {"id", ending.run->id},
                            {"state", ending.state},
                            {"reused", ending.reused},
                            {"folder", RunFolder(folder, ending.run->id).path().string()},
                            {"reason", ending.reason}});
  std::printf("%s\n", json.dump(2).c_str());
}

template <typename Predicate>
int64_t count(const std::vector<Ending>& endings, Predicate predicate) {
  return std::count_if(endings.begin(), endings.end(), predicate);
}

int64_t in_state(const std::vector<Ending>& endings, const char* state) {
  return count(endings, [&](const Ending& ending) { return ending.state == state; });
}

/// "4 runs: 3 done, 0 diverged, 1 failed; 2 of them reused".
std::string summary(const std::vector<Ending>& endings) {
  std::string text = std::to_string(endings.size()) + " runs";
  const char* separator = ": ";
  for (const char* state : {"done", "diverged", "failed", "interrupted", "waiting"}) {
    const int64_t number = in_state(endings, state);
    if (!number && (state[0] == 'i' || state[0] == 'w')) continue;
    text += separator + std::to_string(number) + " " + state;
    separator = ", ";
  }
  const int64_t reused = count(endings, [](const Ending& e) { return e.reused; });
  return reused ? text + "; " + std::to_string(reused) + " of them reused" : text;
}

bool lacks_all_data(const std::vector<Ending>& endings) {
  return !endings.empty() && std::all_of(endings.begin(), endings.end(), [](const Ending& e) { return e.data_missing; });
}

ExitCode code_of(const std::vector<Ending>& endings) {
  if (stop_requests() > 1) return ExitCode::stopped;
  if (lacks_all_data(endings)) return ExitCode::data_missing;
  if (in_state(endings, "failed")) return ExitCode::some_runs_failed;
  return in_state(endings, "interrupted") + in_state(endings, "waiting") ? ExitCode::interrupted : ExitCode::done;
}

ExitCode report(const Plan& plan, const fs::path& folder, const std::vector<Ending>& endings, bool json) {
  std::fprintf(stderr, "%s\n", summary(endings).c_str());
  const ExitCode code = code_of(endings);
  if (code == ExitCode::interrupted || code == ExitCode::stopped)
    std::fputs("The same command goes on from here.\n", stderr);
  if (json)
    print_json(plan, folder, endings);
  else if (code != ExitCode::data_missing)
    std::printf("results: %s\n", folder.c_str());
  return code;
}

void warn_of_crowding(const std::vector<const Run*>& runs, int64_t jobs) {
  int64_t threads = 0;
  for (const Run* run : runs) threads = std::max(threads, run->settings.threads);
  const int64_t together = threads * std::min(jobs, static_cast<int64_t>(runs.size()));
  warn_of_threads(threads);
  if (jobs > 1 && threads <= available_threads() && together > available_threads())
    log::warn(std::to_string(jobs) + " jobs with " + std::to_string(threads) + " threads each on " +
              std::to_string(available_threads()) + " cores: `threads` or --threads says how many a run takes");
}

/// What only networks show, of the runs that have something to do. Throws ConfigErrors before anything is started.
void check_runs(Context& context, const RunOptions& options, const Plan& plan, const std::vector<const Run*>& runs,
                const NamelessFile& file, const std::string& text) {
  const fs::path folder = campaign_folder(context.flags, plan);
  const Rehearsal question(context.registry(), false);
  const auto is_open = [&](const Run* run) {
    return !RunFolder(folder, run->id).is_finished() && question.concerns(*run);
  };
  if (std::none_of(runs.begin(), runs.end(), is_open)) return;
  RehearsalOptions wanted{options.only, options.set, true, false};
  wanted.max_silence_s = options.schedule.max_silence_s;
  refuse_obstacles(rehearse_apart(context, plan, file, wanted), options.file, text);
}

/// Settings decide what is reused, not builds; but who has just changed a plugin should know.
void warn_of_other_builds(const fs::path& folder, const std::vector<Ending>& endings, const Registry& registry) {
  std::map<std::string, Facts> now;  // by what the run's plugins are
  std::set<std::string> rebuilt;
  int64_t count = 0;
  for (const Ending& ending : endings) {
    if (!ending.reused) continue;
    std::ifstream stream(RunFolder(folder, ending.run->id).record());
    const auto then = facts_of(nlohmann::ordered_json::parse(stream, nullptr, false), "plugin_digests");
    std::string names;
    for (const auto& [name, digest] : then) names += name + "\n";
    const auto known = now.find(names);
    const Facts& present = known != now.end() ? known->second : now[names] = plugin_facts(ending.run->settings, registry);
    if (then.empty() || then == present) continue;
    ++count;
    for (const auto& [name, digest] : present)
      if (const auto found = then.find(name); found == then.end() || found->second != digest) rebuilt.insert(name);
  }
  if (count == 0) return;
  const std::vector<std::string> names(rebuilt.begin(), rebuilt.end());
  log::warn(std::to_string(count) + (count == 1 ? " reused run was" : " reused runs were") + " made with other builds of plugins (" +
            comma_list(names) + "); without its folder below " + (folder / "runs").string() + " a run is performed again");
}

ExitCode run_campaign(Context& context, const RunOptions& options) {
  if (options.child >= 0) return execute_as_child(context, options);
  const std::string text = text_of(options.file);
  const Plan plan = read_plan(options.file, context.registry(), overrides_from(context.flags), options.set);
  const std::vector<const Run*> runs = chosen_runs(plan, options.only);
  warn_of_crowding(runs, options.schedule.jobs);
  warn_of_idle_exclusions(plan);
  CampaignFolder folder(campaign_folder(context.flags, plan));
  const NamelessFile file(text);
  check_runs(context, options, plan, runs, file, text);
  folder.record(plan, text, plan_arguments(context, options));
  listen_as_campaign();
  std::vector<Ending> endings;
  {
    CampaignProgress progress(plan.runs.size(), runs.size());
    Scheduler scheduler(plan, context.registry(), folder.path(),
                        command_of(context, options, file.path(), folder.path().parent_path()), file.descriptor(),
                        options.schedule, progress);
    endings = scheduler.perform(runs);
  }
  if (lacks_all_data(endings)) folder.forget();
  warn_of_other_builds(folder.path(), endings, context.registry());
  return report(plan, folder.path(), endings, options.json);
}

/// A flag with a number, read as strictly as those of an experiment file.
template <typename Read>
void add_number(CLI::App& verb, const std::string& name, const std::string& type, Read read, const std::string& doc) {
  verb.add_option_function<std::string>(name, [name, read](const std::string& text) { read(name, text); }, doc)
      ->type_name(type);
}

double seconds_flag(const std::string& name, const std::string& text, int least) {
  const double value = real_flag(name, text);
  if (value < least) throw UsageError(name, "`" + text + "`", "seconds, " + std::to_string(least) + " or more");
  return value;
}

void add_schedule_flags(CLI::App& verb, RunOptions& options) {
  using Text = const std::string&;
  add_number(verb, "--jobs", "N", [&](Text name, Text text) { options.schedule.jobs = integer_flag(name, text, 1); },
             "runs at work at the same time (default: 1)");
  auto* fast = verb.add_flag("--fail-fast", options.schedule.fail_fast, "the first failure interrupts the other runs");
  verb.add_flag("--keep-going", "a failure costs its own run alone (the default)")->excludes(fast);
  add_number(verb, "--retries", "N",
             [&](Text name, Text text) { options.schedule.retries = integer_flag(name, text, 0); },
             "further attempts of a run that failed, from its last checkpoint (default: 0)");
  add_number(verb, "--max-silence", "SECONDS",
             [&](Text name, Text text) { options.schedule.max_silence_s = seconds_flag(name, text, 1); },
             "a run without a sign of life for so long is killed and has failed (default: 3600)");
  add_number(verb, "--checkpoint-every", "SECONDS",
             [&](Text name, Text text) { options.conditions.checkpoint_every_s = seconds_flag(name, text, 0); },
             "between two checkpoints of a run (default: 60)");
  verb.add_flag("--allow-drift", options.conditions.allow_drift,
                "go on from checkpoints of another processor, BLAS or LibTorch: bits will differ");
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto options = std::make_shared<RunOptions>();
  CLI::App& verb =
      add_verb(app, context, "run", "Performs the runs of an experiment file, each in a process of its own.",
               [&context, options] { return run_campaign(context, *options); });
  verb.add_option("file", options->file, "experiment file (YAML)")->required()->type_name("FILE");
  add_run_flag(verb, "--only", options->only, "this run alone, by its index or id (`backobs plan` shows both)");
  add_set_flag(verb, options->set);
  add_schedule_flags(verb, *options);
  verb.add_flag("--json", options->json, "what became of the runs, as JSON");
  verb.add_option("--child", options->child)->group("");  // between parent and child only, as the next one
  verb.add_option("--parent", options->parent)->group("");
  verb.footer(
      "Results go to OUTPUT/CAMPAIGN (OUTPUT: results). Runs that are done are reused, runs that were interrupted go on.\n"
      "Ctrl-C lets every run finish its step and keep a checkpoint (exit code 75); a second one stops at once (130).");
}

}  // namespace backobs
