// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/plan.h"
#include "campaign/training.h"

#include <nlohmann/json.hpp>

#include <ctime>
#include <string>

/// run.json: what a run was, what it was made with, how it ended, where its files are. Strict JSON: a number that is
/// not finite is null, with its text beside it.
namespace backobs {

/// Id, place in the plan, campaign, every effective setting and the versions of backobs, LibTorch and the plugins. State "failed" until
/// `record_result` says otherwise.
BACKOBS_API nlohmann::ordered_json new_record(const std::string& campaign, const Run& run, const Registry& registry);
/// State "done" or "diverged", with the last evaluation.
BACKOBS_API void record_result(nlohmann::ordered_json& record, const TrainingResult& result);
/// Seconds of the start and of the training, and of its steps by the extensions that were due at them.
BACKOBS_API void record_durations(nlohmann::ordered_json& record, const TrainingResult& result, double set_up_s, double training_s);
/// State "failed" with a message and who was at work.
BACKOBS_API void record_failure(nlohmann::ordered_json& record, const std::string& message, const std::string& at_work);
/// The file, whole or not at all. Bytes of a setting that are no UTF-8 are replaced.
BACKOBS_API void write_record(const std::filesystem::path& file, const nlohmann::ordered_json& record);
/// {"train_loss": 0.5} or {"train_loss": null, "train_loss_text": "NaN"}.
BACKOBS_API void put_number(nlohmann::ordered_json& object, const std::string& key, double value);
/// "2024-01-31T23:59:00Z".
BACKOBS_API std::string utc_text(std::time_t time);
/// The same back; 0 for any other text.
BACKOBS_API std::time_t utc_seconds(const std::string& text);

}  // namespace backobs
