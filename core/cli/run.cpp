// SPDX-License-Identifier: MIT
#include "campaign/attribution.h"
#include "campaign/child_process.h"
#include "campaign/execute_run.h"
#include "campaign/run_folder.h"
#include "campaign/safe_file.h"
#include "cli/campaign_flags.h"
#include "cli/progress.h"
#include "cli/verbs.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>

namespace backobs {
namespace {

namespace fs = std::filesystem;

struct RunOptions {
  fs::path file;
  std::string only;
  bool json = false;
  int child = -1;  ///< in a run's own process: the descriptor of its position
};

/// What became of one run.
struct Ending {
  const Run* run = nullptr;
  std::string state;  ///< done, diverged, failed
  std::string reason;
  bool reused = false, data_missing = false;
};

std::string title_of(const Run& run, std::size_t count) {
  return "[" + std::to_string(run.index + 1) + "/" + std::to_string(count) + "] " + short_text(run.settings);
}

fs::path campaign_folder(const CommonFlags& flags, const Plan& plan) {
  return (flags.output.empty() ? fs::path("results") : flags.output) / plan.campaign;
}

/// The run itself, in a process of its own.
ExitCode execute_as_child(Context& context, const RunOptions& options) {
  die_with_parent();
  share_position(options.child);
  const Plan plan = read_plan(options.file, context.registry(), overrides_from(context.flags));
  const Run& run = plan.find(options.only);
  Progress progress(title_of(run, plan.runs.size()), run.settings.loop.epochs);
  progress.finish(execute_run(plan.campaign, run, context.registry(), campaign_folder(context.flags, plan), progress));
  return ExitCode::done;
}

/// Performs the runs of one plan, one process after the other.
class CampaignRunner {
 public:
  CampaignRunner(Context& context, const Plan& plan, const std::string& text)
      : context_(context), plan_(plan), file_(text), folder_(campaign_folder(context.flags, plan)) {}

  Ending perform(const Run& run) {
    const RunFolder folder(folder_, run.id);
    if (folder.is_finished()) {
      std::fprintf(stderr, "%s: reused, %s before\n", title_of(run, plan_.runs.size()).c_str(),
                   folder.state()->c_str());
      return {&run, *folder.state(), "", true, false};
    }
    if (missing_data_.count(data_of(run))) return {&run, "failed", "its data are missing, as said above", false, true};
    const SharedPosition shared;
    const ChildEnd end = run_child(arguments(run, shared.descriptor()), {file_.descriptor(), shared.descriptor()});
    if (end.signal == 0 && end.exit_code == 0 && folder.is_finished()) return {&run, *folder.state(), "", false, false};
    return failed(run, folder, end, shared.read());
  }

 private:
  std::vector<std::string> arguments(const Run& run, int position) const {
    std::vector<std::string> all = {"run", file_.path(), "--only", run.id, "--child", std::to_string(position)};
    const auto again = flags_again(context_.flags);
    all.insert(all.end(), again.begin(), again.end());
    all.insert(all.end(), {"--output", folder_.parent_path().string()});
    return all;
  }

  static std::string data_of(const Run& run) {
    return run.settings.problem.name + (run.settings.source == Source::synthetic ? " synthetic " : " real ") +
           run.settings.data_folder.string();
  }

  Ending failed(const Run& run, const RunFolder& folder, const ChildEnd& end, const Position& position) {
    if (end.signal == 0 && end.exit_code == static_cast<int>(ExitCode::data_missing)) {
      missing_data_.insert(data_of(run));
      return {&run, "failed", "its data are missing", false, true};
    }
    Ending ending{&run, "failed", end.text(), false, false};
    if (folder.state() != "failed") {
      ending.reason = "ended by " + end.text() + " in " + position.text();
      record_death(plan_.campaign, run, context_.registry(), folder_, ending.reason, position.text());
    }
    std::fprintf(stderr, "%s: failed, %s\n", title_of(run, plan_.runs.size()).c_str(), ending.reason.c_str());
    return ending;
  }

  Context& context_;
  const Plan& plan_;
  NamelessFile file_;
  fs::path folder_;
  std::set<std::string> missing_data_;
};

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
  int64_t number = 0;
  for (const Ending& ending : endings) number += predicate(ending);
  return number;
}

ExitCode report(const Plan& plan, const fs::path& folder, const std::vector<Ending>& endings, bool json) {
  const auto in_state = [&](const char* state) {
    return count(endings, [&](const Ending& e) { return e.state == state; });
  };
  const int64_t failed = in_state("failed"), missing = count(endings, [](const Ending&e) { return e.data_missing; });
  const int64_t reused = count(endings, [](const Ending& e) { return e.reused; });
  std::fprintf(stderr, "%zu runs: %lld done, %lld diverged, %lld failed", endings.size(),
               static_cast<long long>(in_state("done")), static_cast<long long>(in_state("diverged")),
               static_cast<long long>(failed));
  if (reused) std::fprintf(stderr, "; %lld of them reused", static_cast<long long>(reused));
  std::fputc('\n', stderr);
  const bool nothing = missing == static_cast<int64_t>(endings.size()) && missing > 0;
  if (json)
    print_json(plan, folder, endings);
  else if (!nothing)
    std::printf("results: %s\n", folder.c_str());
  if (nothing) return ExitCode::data_missing;
  return failed ? ExitCode::some_runs_failed : ExitCode::done;
}

/// The file's text is kept from here on: whoever edits it while the campaign runs does not change the plan.
std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

ExitCode run_campaign(Context& context, const RunOptions& options) {
  if (options.child >= 0) return execute_as_child(context, options);
  const std::string text = text_of(options.file);
  const Plan plan = read_plan(options.file, context.registry(), overrides_from(context.flags));
  std::vector<const Run*> runs;
  if (!options.only.empty())
    runs.push_back(&plan.find(options.only));
  else
    for (const Run& run : plan.runs) runs.push_back(&run);
  CampaignRunner runner(context, plan, text);
  std::vector<Ending> endings;
  const fs::path folder = campaign_folder(context.flags, plan);
  for (const Run* run : runs) {
    endings.push_back(runner.perform(*run));
    if (endings.size() == 1 && fs::is_directory(folder)) write_file(folder / "campaign.yaml", text);
  }
  return report(plan, folder, endings, options.json);
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto options = std::make_shared<RunOptions>();
  CLI::App& verb =
      add_verb(app, context, "run", "Performs the runs of an experiment file, each in a process of its own.",
               [&context, options] { return run_campaign(context, *options); });
  verb.add_option("file", options->file, "experiment file (YAML)")->required()->type_name("FILE");
  verb.add_option("--only", options->only, "this run alone, by its index or id (`backobs plan` shows both)")
      ->type_name("INDEX|ID");
  verb.add_flag("--json", options->json, "what became of the runs, as JSON");
  verb.add_option("--child", options->child)->group("");  // between parent and child only
  verb.footer("Results go to OUTPUT/CAMPAIGN (OUTPUT: results). Runs that are done are reused.");
}

}  // namespace backobs
