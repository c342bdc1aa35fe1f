// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/run_folder.h"
#include "campaign/worker.h"

#include <deque>
#include <list>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace backobs {

struct ScheduleConditions {
  int64_t jobs = 1;             ///< runs at work at the same time
  bool fail_fast = false;       ///< the first failure interrupts the others and starts no more
  int64_t retries = 0;          ///< further attempts of a run that failed, each from its last checkpoint
  double max_silence_s = 3600;  ///< a run without a sign of life for so long is killed and has failed
};

/// What became of one run.
struct Ending {
  const Run* run = nullptr;
  std::string state;   ///< done, diverged, failed, interrupted; "waiting" if it was never begun
  std::string reason;  ///< of a failure
  bool reused = false, data_missing = false;
};

/// Sees a campaign happen.
class BACKOBS_API ScheduleObserver {
 public:
  virtual ~ScheduleObserver();
  /// A line that a run wrote.
  virtual void line(const Run&, const std::string& /*text*/) {}
  /// A run came to its end, or to that of an attempt that is repeated (`again`).
  virtual void ended(const Ending&, bool /*again*/) {}
  /// Other processes are at work on the runs that are left; asked for once.
  virtual void waits(int64_t /*runs*/) {}
  /// Several times a second: the runs at work, and how many have ended.
  virtual void looks(const std::list<Worker>&, int64_t /*ended*/) {}
};

/// Performs runs, each in a process of its own, several at a time. Runs that are finished are reused. Runs that another
/// process is at work on, here or on another host, are left to it, and taken up if it leaves them unfinished.
///
/// The first request to stop (stop_request.h) lets every process end its step and take a checkpoint; the second kills
/// them. One object per campaign.
class BACKOBS_API Scheduler {
 public:
  /// `experiment` is the descriptor of the file that the processes read.
  Scheduler(const Plan& plan, const Registry& registry, std::filesystem::path campaign_folder, RunCommand command,
            int experiment, ScheduleConditions conditions, ScheduleObserver& observer);

  /// One ending per run, in the order of the plan.
  std::vector<Ending> perform(const std::vector<const Run*>& runs);

 private:
  void start_more();
  bool start(const Run& run);
  void wait_for_news();
  void look_at_workers();
  void finish(Worker& worker, const ChildEnd& end);
  Ending judge(Worker& worker, const ChildEnd& end);
  void record_failure_of(Worker& worker, Ending& ending, const ChildEnd& end);
  void end(Ending ending);
  void obey_stop_requests();
  void retry_elsewhere();

  const Plan& plan_;
  const Registry& registry_;
  std::filesystem::path folder_;
  RunCommand command_;
  int experiment_;
  ScheduleConditions conditions_;
  ScheduleObserver& observer_;

  std::deque<const Run*> pending_, elsewhere_;
  std::list<Worker> workers_;
  std::map<int64_t, Ending> endings_;       ///< by index of the run
  std::map<int64_t, int64_t> attempts_;     ///< failed ones
  std::set<std::string> missing_data_;      ///< problem and source
  bool stopping_ = false, waiting_ = false;
};

}  // namespace backobs
