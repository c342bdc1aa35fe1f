// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/curves.h"
#include "campaign/settings.h"

#include <ctime>
#include <filesystem>
#include <string>

/// DeepOBS's result files, so that its analysis reads ours: same paths, keys, order, number forms and indentation as
/// its PyTorch runners write through Python.
namespace backobs {

/// A float as DeepOBS writes it into folder names: ten decimals, zeros stripped, the dot kept: 0.1 is "1.e-01".
BACKOBS_API std::string folder_number(double value);

/// "num_epochs__2__batch_size__128__lr__1.e-01__momentum__0.e+00__nesterov__False": the penalty appears only if it was
/// given, options in alphabetical order, then the schedule if there is one.
BACKOBS_API std::string setting_folder(const RunSettings& settings);

/// "fmnist_logreg/SGD/<setting folder>/random_seed__42__2024-01-31-23-59-00.json", the local time of the start.
BACKOBS_API std::filesystem::path deepobs_path(const RunSettings& settings, const std::string& optimizer,
                                               std::time_t start);

/// The file's text. l2_reg is null unless given; NaN and infinities are Python's tokens; the accuracies are left out
/// where the problem defines none (DeepOBS itself also drops them when one is exactly zero).
BACKOBS_API std::string deepobs_json(const RunSettings& settings, const std::string& optimizer, const Curves& curves);

/// One evaluation as DeepOBS prints it, with its frame of asterisks and a newline behind each line.
BACKOBS_API std::string evaluation_text(const EpochEvaluation& evaluation, int64_t epoch, int64_t epochs);
/// "Setting learning rate to [0.01]" and a newline.
BACKOBS_API std::string rate_text(double rate);

}  // namespace backobs
