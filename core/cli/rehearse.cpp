// SPDX-License-Identifier: MIT
#include "cli/rehearse.h"

#include "campaign/attribution.h"
#include "campaign/run_folder.h"
#include "cli/campaign_flags.h"

#include <backobs/log.h>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <utility>

namespace backobs {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kBetweenLooks_ms = 100;

std::vector<std::string> command(const Context& context, const NamelessFile& file, const NamelessFile& answers,
                                 const SharedPosition& position, const RehearsalOptions& options) {
  std::vector<std::string> all = {"plan",      file.path(),
                                  "--answers", std::to_string(answers.descriptor()),
                                  "--child",   std::to_string(position.descriptor()),
                                  "--parent",  std::to_string(::getpid())};
  const auto again = flags_again(context.flags);
  all.insert(all.end(), again.begin(), again.end());
  if (!context.flags.output.empty()) all.insert(all.end(), {"--output", context.flags.output.string()});
  if (!options.only.empty()) all.insert(all.end(), {"--only", options.only});
  for (const auto& assignment : options.set) all.insert(all.end(), {"--set", assignment});
  if (options.unfinished) all.push_back("--unfinished");
  if (options.measures) all.push_back("--estimate");
  return all;
}

/// Waits for its end; kills it where it gives no sign of life. What it says is said again by the runs.
std::string wait_for(ChildProcess& process, const SharedPosition& position, double max_silence_s) {
  int64_t beats = -1;
  auto last_beat = Clock::now();
  std::string killed, last_words;
  while (true) {
    const auto end = process.end();
    for (const auto& line : process.lines())
      if (line.rfind("error: ", 0) == 0) last_words = line.substr(7);
    if (end && end->signal == 0 && end->exit_code == 0) return "";
    if (end && !killed.empty()) return killed;
    if (end && end->signal == 0 && !last_words.empty()) return last_words;
    if (end) return "its process ended by " + end->text() + " in " + position.read().text();
    if (std::exchange(beats, position.read().beats) != beats) last_beat = Clock::now();
    if (killed.empty() && std::chrono::duration<double>(Clock::now() - last_beat).count() > max_silence_s) {
      killed = "no sign of life in " + position.read().text();
      process.send(SIGKILL);
    }
    pollfd output = {process.output(), POLLIN, 0};
    ::poll(&output, 1, kBetweenLooks_ms);
  }
}

}  // namespace

Rehearsed rehearse_apart(const Context& context, const Plan& plan, const NamelessFile& file,
                         const RehearsalOptions& options) {
  const NamelessFile answers("");
  const SharedPosition position;
  ChildProcess process(command(context, file, answers, position, options),
                       {file.descriptor(), answers.descriptor(), position.descriptor()});
  const std::string failure = wait_for(process, position, options.max_silence_s);
  if (!failure.empty()) log::warn("not every run could be looked at beforehand: " + failure);
  Rehearsed all;
  std::ifstream lines(answers.path());
  for (std::string line; std::getline(lines, line);) read_rehearsed(line, plan, all);
  return all;
}

void refuse_obstacles(const Rehearsed& rehearsed, const std::filesystem::path& file, const std::string& text) {
  ConfigProblems problems;
  problems.add_source(file.string(), text);
  for (const auto& [run, obstacle] : rehearsed.obstacles)
    problems.add(std::vector<std::string>{obstacle.where + ": " + obstacle.text});
  problems.throw_if_any();
}

void add_rehearsal_flags(CLI::App& verb, RehearsalChild& child) {
  verb.add_option("--answers", child.answers)->group("");
  verb.add_option("--child", child.position)->group("");
  verb.add_option("--parent", child.parent)->group("");
  verb.add_flag("--unfinished", child.unfinished)->group("");
}

ExitCode rehearse_as_child(Context& context, const Plan& plan, const std::string& only, const RehearsalChild& child,
                           const std::filesystem::path& campaign_folder) {
  die_with_parent(child.parent);
  share_position(child.position);
  std::ofstream answers("/proc/self/fd/" + std::to_string(child.answers), std::ios::app);
  Rehearsal rehearsal(context.registry(), child.measures);
  for (const Run* run : chosen_runs(plan, only)) {
    if (child.unfinished && RunFolder(campaign_folder, run->id).is_finished()) continue;
    if (rehearsal.concerns(*run)) answers << rehearsal.look_at(*run) << std::flush;
  }
  return ExitCode::done;
}

}  // namespace backobs
