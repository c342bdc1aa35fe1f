// SPDX-License-Identifier: MIT
#include "campaign/run_folder.h"

#include "campaign/checkpoints.h"
#include "campaign/safe_file.h"

#include <fstream>
#include <utility>

namespace backobs {

namespace fs = std::filesystem;

RunFolder::RunFolder(fs::path campaign_folder, const std::string& id)
    : campaign_(std::move(campaign_folder)), path_(campaign_ / "runs" / id), id_(id) {}

/// An empty value where it is missing, damaged, or another run's.
nlohmann::json RunFolder::read_record() const {
  std::ifstream stream(record());
  auto json = stream ? nlohmann::json::parse(stream, nullptr, false) : nlohmann::json();
  return json.is_object() && json.value("id", nlohmann::json()) == id_ ? json : nlohmann::json::object();
}

std::string RunFolder::failure() const {
  const auto error = read_record().value("error", nlohmann::json());
  const auto message = error.is_object() ? error.value("message", nlohmann::json()) : nlohmann::json();
  return message.is_string() ? message.get<std::string>() : "";
}

std::optional<std::string> RunFolder::state() const {
  const auto record = read_record();
  const auto state = record.value("state", nlohmann::json());
  if (!state.is_string()) return std::nullopt;
  const bool is_over = state == "done" || state == "diverged";
  return is_over && !has_its_metrics(record) ? "damaged" : state.get<std::string>();
}

bool RunFolder::has_its_metrics(const nlohmann::json& record) const {
  std::error_code missing;
  const auto bytes = fs::file_size(metrics(), missing);
  return !missing && record.value("metrics_bytes", nlohmann::json()) == bytes;
}

bool RunFolder::is_finished() const {
  const auto found = state();
  return found == "done" || found == "diverged";
}

void RunFolder::prepare() const {
  make_folder(path_);
  remove_attempt();
  std::error_code ignored;
  for (const auto& file : {record(), log(), parameters()}) fs::remove(file, ignored);
}

void RunFolder::remove_attempt() const {
  std::error_code ignored;
  for (const auto& file : {record(), metrics(), log(), parameters(), path_ / "deepobs.json"})
    fs::remove(file.string() + ".part", ignored);
  fs::remove(metrics(), ignored);
  fs::remove_all(tensors(), ignored);
  Checkpoints::remove(path_);
}

void RunFolder::discard() const {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  fs::remove(campaign_ / "runs", ignored);  // only where empty, as the next one
  fs::remove(campaign_, ignored);
}

}  // namespace backobs
