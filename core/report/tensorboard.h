// SPDX-License-Identifier: MIT
#pragma once

#include "report/finished_runs.h"

#include <filesystem>
#include <string>

namespace backobs {

/// A run's metrics as an event file of TensorBoard: TFRecords (length, CRC-32C of it, bytes, CRC-32C of them; both
/// masked) of Event messages.
///
/// * scalars: `loss/SPLIT`, `accuracy/SPLIT`, `QUANTITY.REDUCTION/PARAMETER`, in single precision, as TensorBoard has them;
/// * histograms: `QUANTITY.histogram/PARAMETER`, its decades as buckets; the scalars `….histogram.nan/…` and so on count what
///   is not finite;
/// * every effective setting, as text under `settings` and as hyperparameters.
///
/// Wall times are the run's own. Throws ComputeError as read_metrics does.
BACKOBS_API std::string tensorboard_events(const FinishedRun& run);

/// PROBLEM/RUNNER_ID/events.out.tfevents.SECONDS.backobs: the same for every export of a run, which thus replaces the one
/// before.
BACKOBS_API std::filesystem::path tensorboard_file(const FinishedRun& run);

}  // namespace backobs
