// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/observer.h"
#include "campaign/plan.h"

#include <filesystem>
#include <string>

namespace backobs {

/// How a run is performed, which changes nothing of what it computes.
struct RunConditions {
  double checkpoint_every_s = 60;  ///< between two checkpoints; longer where writing one takes more than 1/20 of it
  bool allow_drift = false;        ///< go on although processor, BLAS or LibTorch are others than before
};

/// Performs one run in this process and returns its state: "done", "diverged", or "interrupted" after a request to stop
/// (stop_request.h), with a checkpoint left behind. The caller holds the run's lock.
///
/// It goes on from the run's last checkpoint if there is one: the logs are cut to where they were then, and the end is
/// the same to the bit as without the interruption. Where plugins were rebuilt since, the run starts anew; on a machine
/// that computes otherwise it throws ComputeError unless `allow_drift`.
///
/// A run that fails leaves log.txt, a run.json with state "failed" and the reason, and its checkpoint if it has one, so
/// that the next attempt goes on from there. Missing data leave no trace at all. Either way the exception goes on to the
/// caller, c10::Error and foreign ones as PluginError or ComputeError with who was at work.
BACKOBS_API std::string execute_run(const std::string& campaign, const Run& run, const Registry& registry,
                                    const std::filesystem::path& campaign_folder, const RunConditions& conditions,
                                    TrainingObserver& progress);

/// For the parent of a process that died: run.json with state "failed"; what a next attempt cannot use is removed.
BACKOBS_API void record_death(const std::string& campaign, const Run& run, const Registry& registry,
                              const std::filesystem::path& campaign_folder, const std::string& message,
                              const std::string& at_work);

/// One message for any exception in flight: without LibTorch's backtrace.
BACKOBS_API std::string present_message();

}  // namespace backobs
