// SPDX-License-Identifier: MIT
#include "campaign/run_record.h"

#include <backobs/abi.h>

#include "campaign/safe_file.h"
#include "files/number_format.h"
#include "files/printable.h"

#include <cmath>
#include <ctime>
#include <sstream>

namespace backobs {
namespace {

using Json = nlohmann::ordered_json;

Json plugin_version(const Registry& registry, const char* kind, const std::string& name) {
  const PluginFile& plugin = registry.find(kind, name, "");
  return {{"kind", kind}, {"name", name}, {"version", plugin.manifest.version}, {"file", plugin.file.string()}};
}

Json versions(const RunSettings& settings, const Registry& registry) {
  Json json = {
      {"backobs", BACKOBS_VERSION}, {"libtorch", BACKOBS_TORCH_VERSION}, {"libtorch_sonames", BACKOBS_TORCH_SONAMES}};
  json["plugins"] = {plugin_version(registry, "problem", settings.problem.name),
                     plugin_version(registry, "runner", settings.runner.name)};
  for (const auto& extension : settings.extensions)
    json["plugins"].push_back(plugin_version(registry, "extension", extension.plugin));
  for (const auto& layer : registry.list("layer"))
    json["plugins"].push_back(plugin_version(registry, "layer", layer.manifest.name));
  return json;
}

void put_evaluation(Json& final, const std::string& split, const Evaluation& evaluation, bool has_accuracy) {
  put_number(final, split + "_loss", evaluation.loss);
  if (has_accuracy) put_number(final, split + "_accuracy", evaluation.accuracy);
}

}  // namespace

Json new_record(const std::string& campaign, const Run& run, const Registry& registry) {
  Json record;
  record["id"] = run.id;
  record["index"] = run.index;
  record["campaign"] = campaign;
  record["state"] = "failed";
  record["error"] = nullptr;
  record["settings"] = settings_json(run.settings);
  record["versions"] = versions(run.settings, registry);
  return record;
}

void record_result(Json& record, const TrainingResult& result) {
  record["state"] = result.divergence ? "diverged" : "done";
  Json final = Json::object();
  const EpochEvaluation& last = result.curves.epochs.back();
  put_evaluation(final, "train", last.train, result.curves.has_accuracy);
  put_evaluation(final, "valid", last.valid, result.curves.has_accuracy);
  put_evaluation(final, "test", last.test, result.curves.has_accuracy);
  record["final"] = std::move(final);
  if (!result.stopped_by.empty()) record["stopped_by"] = result.stopped_by;
  record["diverged_at"] = nullptr;
  if (const auto& at = result.divergence)
    record["diverged_at"] = {{"epoch", at->epoch}, {"step_of_epoch", at->step}, {"step", at->global}};
}

void record_durations(Json& record, const TrainingResult& result, double set_up_s, double training_s) {
  Json steps = Json::array();
  for (const auto& [names, sum] : result.step_times) {
    Json due = Json::array();
    std::istringstream stream(names);
    for (std::string name; std::getline(stream, name, ',');) due.push_back(name);
    steps.push_back({{"extensions", std::move(due)}, {"steps", sum.steps}, {"seconds", sum.seconds}});
  }
  record["durations"] = {{"set_up_s", set_up_s}, {"training_s", training_s}, {"steps", std::move(steps)}};
}

void record_failure(Json& record, const std::string& message, const std::string& at_work) {
  record["state"] = "failed";
  record["error"] = {{"message", printable(message)}, {"at_work", printable(at_work)}};
}

void write_record(const std::filesystem::path& file, const Json& record) {
  write_file(file, record.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void put_number(Json& object, const std::string& key, double value) {
  object[key] = std::isfinite(value) ? Json(value) : Json(nullptr);
  if (!std::isfinite(value)) object[key + "_text"] = python_real(value);
}

std::string utc_text(std::time_t time) {
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::time_t utc_seconds(const std::string& text) {
  std::tm utc{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return end && *end == '\0' ? timegm(&utc) : 0;
}

}  // namespace backobs
