// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/observer.h"
#include "campaign/plan.h"

#include <filesystem>
#include <string>

namespace backobs {

/// Performs one run in this process, from an empty run folder to run.json, and returns its state, "done" or "diverged".
///
/// A run that fails leaves log.txt and a run.json with state "failed" and the reason, nothing else; missing data leave
/// no trace at all. Either way the exception goes on to the caller, c10::Error and foreign ones as PluginError or
/// ComputeError with who was at work.
BACKOBS_API std::string execute_run(const std::string& campaign, const Run& run, const Registry& registry,
                                    const std::filesystem::path& campaign_folder, TrainingObserver& progress);

/// For the parent of a process that died: run.json with state "failed", and no parts left over.
BACKOBS_API void record_death(const std::string& campaign, const Run& run, const Registry& registry,
                              const std::filesystem::path& campaign_folder, const std::string& message,
                              const std::string& at_work);

/// One message for any exception in flight: without LibTorch's backtrace.
BACKOBS_API std::string present_message();

}  // namespace backobs
