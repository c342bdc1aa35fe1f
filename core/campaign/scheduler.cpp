// SPDX-License-Identifier: MIT
#include "campaign/scheduler.h"

#include "campaign/execute_run.h"
#include "campaign/stop_request.h"

#include <backobs/error.h>
#include <backobs/log.h>

#include <poll.h>
#include <signal.h>

#include <cstdio>
#include <utility>

namespace backobs {
namespace {

constexpr int kBetweenLooks_ms = 100;

std::string data_of(const Run& run) {
  return run.settings.problem.name + (run.settings.source == Source::synthetic ? " synthetic " : " real ") +
         run.settings.data_folder.string();
}

/// Whether a run that threw has written so itself: what is in its folder is not an earlier attempt's.
bool has_told(const Worker& worker, const std::string& failure) {
  const std::string first_line = failure.substr(0, failure.find('\n'));
  return !failure.empty() && worker.last_words().find(first_line) != std::string::npos;
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%g s", seconds);
  return text;
}

}  // namespace

ScheduleObserver::~ScheduleObserver() = default;

Scheduler::Scheduler(const Plan& plan, const Registry& registry, std::filesystem::path campaign_folder,
                     RunCommand command, int experiment, ScheduleConditions conditions, ScheduleObserver& observer)
    : plan_(plan),
      registry_(registry),
      folder_(std::move(campaign_folder)),
      command_(std::move(command)),
      experiment_(experiment),
      conditions_(conditions),
      observer_(observer) {}

std::vector<Ending> Scheduler::perform(const std::vector<const Run*>& runs) {
  pending_.assign(runs.begin(), runs.end());
  while (true) {
    obey_stop_requests();
    start_more();
    if (workers_.empty() && (stopping_ || (pending_.empty() && elsewhere_.empty()))) break;
    if (workers_.empty()) retry_elsewhere();
    wait_for_news();
    look_at_workers();
  }
  std::vector<Ending> all;
  for (const Run* run : runs) {
    const auto found = endings_.find(run->index);
    all.push_back(found != endings_.end() ? found->second : Ending{run, "waiting", "", false, false});
  }
  return all;
}

void Scheduler::start_more() {
  while (!stopping_ && !pending_.empty() && static_cast<int64_t>(workers_.size()) < conditions_.jobs) {
    const Run& run = *pending_.front();
    pending_.pop_front();
    if (!start(run)) elsewhere_.push_back(&run);
  }
}

/// Starts its process, or finds that there is nothing to start; false if somebody else is at work on it.
bool Scheduler::start(const Run& run) {
  const RunFolder folder(folder_, run.id);
  if (folder.is_finished()) {
    end({&run, *folder.state(), "", true, false});
    return true;
  }
  if (missing_data_.count(data_of(run))) {
    end({&run, "failed", "its data are missing, as said above", false, true});
    return true;
  }
  auto lock = RunLock::try_take(folder.path());
  if (!lock) return false;
  if (folder.is_finished())  // meanwhile
    end({&run, *folder.state(), "", true, false});
  else
    workers_.emplace_back(run, std::move(*lock), command_, experiment_);
  return true;
}

/// Until a process writes or ends, a signal comes, or it is time to look again.
void Scheduler::wait_for_news() {
  std::vector<pollfd> outputs;
  for (Worker& worker : workers_) outputs.push_back({worker.process().output(), POLLIN, 0});
  ::poll(outputs.data(), outputs.size(), kBetweenLooks_ms);
}

void Scheduler::look_at_workers() {
  for (auto worker = workers_.begin(); worker != workers_.end();) {
    const auto end = worker->process().end();  // first, so that its last lines are read
    for (const auto& line : worker->process().lines()) {
      worker->hear(line);
      observer_.line(worker->run(), line);
    }
    if (!end && worker->silence_s() > conditions_.max_silence_s)
      worker->kill("no sign of life for " + seconds_text(conditions_.max_silence_s));
    if (end) {
      finish(*worker, *end);
      worker = workers_.erase(worker);
    } else {
      ++worker;
    }
  }
  observer_.looks(workers_, static_cast<int64_t>(endings_.size()));
}

void Scheduler::finish(Worker& worker, const ChildEnd& end) {
  Ending ending = judge(worker, end);
  const bool failed = ending.state == "failed" && !ending.data_missing;
  const bool again = failed && !stopping_ && attempts_[worker.run().index]++ < conditions_.retries;
  if (again) {
    observer_.ended(ending, true);
    pending_.push_front(&worker.run());
    return;
  }
  this->end(std::move(ending));
  if (failed && conditions_.fail_fast && !std::exchange(stopping_, true))
    for (Worker& other : workers_) other.process().send(SIGTERM);
}

Ending Scheduler::judge(Worker& worker, const ChildEnd& end) {
  const Run& run = worker.run();
  const RunFolder folder(folder_, run.id);
  const bool exited = end.signal == 0;
  if (exited && end.exit_code == 0 && folder.is_finished()) return {&run, *folder.state(), "", false, false};
  if (exited && end.exit_code == static_cast<int>(ExitCode::interrupted)) return {&run, "interrupted", "", false, false};
  // Asked to stop before it could listen, by us or by a terminal, which asks everybody; or killed on the second request.
  const bool asked = end.signal == SIGTERM || end.signal == SIGINT;
  if ((stopping_ || stop_requests() > 0) && (asked || stop_requests() > 1)) return {&run, "interrupted", "", false, false};
  if (exited && end.exit_code == static_cast<int>(ExitCode::data_missing)) {
    missing_data_.insert(data_of(run));
    return {&run, "failed", "its data are missing", false, true};
  }
  Ending ending{&run, "failed", "", false, false};
  if (exited && end.exit_code != 0 && has_told(worker, folder.failure()))
    ending.reason = folder.failure();
  else
    record_failure_of(worker, ending, end);
  return ending;
}

/// One that died, or ended before it could write anything, leaves it to us.
void Scheduler::record_failure_of(Worker& worker, Ending& ending, const ChildEnd& end) {
  const std::string at_work = worker.position().text();
  ending.reason = worker.killed_because().empty() ? "its process ended early by " + end.text() : worker.killed_because();
  ending.reason += " in " + at_work;
  if (end.signal == 0 && end.exit_code != 0 && !worker.last_words().empty()) ending.reason = worker.last_words();
  try {
    record_death(plan_.campaign, worker.run(), registry_, folder_, ending.reason, at_work);
  } catch (const Error& e) {
    log::warn(std::string("the failure could not be recorded: ") + e.what());
  }
}

void Scheduler::end(Ending ending) {
  observer_.ended(ending, false);
  const int64_t index = ending.run->index;
  endings_[index] = std::move(ending);
}

void Scheduler::obey_stop_requests() {
  if (stop_requests() > 0 && !std::exchange(stopping_, true))
    for (Worker& worker : workers_) worker.process().send(SIGTERM);
  if (stop_requests() > 1)
    for (Worker& worker : workers_) worker.kill("killed on request");
}

/// All that is left is in other hands: look again whether they are done, or gone.
void Scheduler::retry_elsewhere() {
  if (pending_.empty() && !elsewhere_.empty() && !std::exchange(waiting_, true))
    observer_.waits(static_cast<int64_t>(elsewhere_.size()));
  pending_.insert(pending_.end(), elsewhere_.begin(), elsewhere_.end());
  elsewhere_.clear();
}

}  // namespace backobs
