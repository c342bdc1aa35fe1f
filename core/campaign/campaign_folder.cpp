// SPDX-License-Identifier: MIT
#include "campaign/campaign_folder.h"

#include "campaign/safe_file.h"

#include <backobs/error.h>

#include <fstream>
#include <utility>

namespace backobs {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

CampaignFolder::CampaignFolder(fs::path path) : path_(std::move(path)) {
  std::error_code ignored;
  was_there_ = fs::exists(path_, ignored);
  output_was_there_ = fs::exists(path_.parent_path(), ignored);
}

void CampaignFolder::record(const Plan& plan, const std::string& text, const std::vector<std::string>& arguments) {
  Json json = {{"campaign", plan.campaign}, {"arguments", arguments}, {"runs", Json::array()}};
  for (const Run& run : plan.runs)
    json["runs"].push_back({{"index", run.index},
                            {"id", run.id},
                            {"title", short_text(run.settings)},
                            {"settings", settings_json(run.settings)}});
  make_folder(path_);
  write_file(yaml(), text);
  write_file(this->plan(), json.dump(1) + "\n");
}

void CampaignFolder::forget() const {
  std::error_code ignored;
  if (was_there_) return;
  for (const auto& file : {yaml(), plan()}) fs::remove(file, ignored);
  for (const auto& folder : {path_ / "runs", path_}) fs::remove(folder, ignored);  // only where empty
  if (!output_was_there_) fs::remove(path_.parent_path(), ignored);
}

namespace {
/// An id is the name of a folder.
bool is_file_name(const std::string& id) { return !id.empty() && id.front() != '.' && id.find('/') == std::string::npos; }
}  // namespace

void CampaignFolder::throw_damaged() const {
  throw UsageError(plan().string(), "a damaged file", "what `backobs run FILE` wrote; it writes it again");
}

Json CampaignFolder::read_plan_file() const {
  std::ifstream stream(plan());
  Json json = stream ? Json::parse(stream, nullptr, false) : Json();
  std::error_code ignored;
  if (!fs::exists(plan(), ignored)) throw UsageError(path_.string(), "no plan.json of a campaign", "a folder that `backobs run` made");
  if (!json.is_object() || !json.contains("runs") || !json["runs"].is_array() || !json.value("campaign", Json("")).is_string())
    throw_damaged();
  return json;
}

std::vector<PlannedRun> CampaignFolder::planned() const {
  std::vector<PlannedRun> runs;
  const Json json = read_plan_file();
  try {
    for (const Json& one : json["runs"]) {
      runs.push_back({one.value("index", int64_t{0}), one.value("id", ""), one.value("title", ""),
                      one.value("settings", Json::object())});
      if (!is_file_name(runs.back().id)) throw_damaged();
    }
  } catch (const Json::exception&) {
    throw_damaged();
  }
  return runs;
}

std::string CampaignFolder::campaign() const { return read_plan_file().value("campaign", ""); }

std::vector<std::string> CampaignFolder::arguments() const {
  std::vector<std::string> all;
  const Json json = read_plan_file().value("arguments", Json::array());
  for (const Json& one : json)
    if (one.is_string()) all.push_back(one.get<std::string>());
  return all;
}

}  // namespace backobs
