// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/plan.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace backobs {

/// One run as plan.json names it.
struct PlannedRun {
  int64_t index = 0;
  std::string id, title;  ///< short_text of its settings
  nlohmann::ordered_json settings;
};

/// A campaign's folder: campaign.yaml, the file as it was run; plan.json, its runs; runs/ and deepobs/.
class BACKOBS_API CampaignFolder {
 public:
  explicit CampaignFolder(std::filesystem::path path);
  const std::filesystem::path& path() const { return path_; }

  /// Writes campaign.yaml and plan.json, with the arguments beside the file that made the plan what it is.
  void record(const Plan& plan, const std::string& text, const std::vector<std::string>& arguments = {});
  /// Takes back what `record` made, and the folders that are empty then: nothing could be begun.
  void forget() const;

  /// The runs of plan.json. Throws UsageError for a folder that has none.
  std::vector<PlannedRun> planned() const;
  std::string campaign() const;
  /// Those of `record`.
  std::vector<std::string> arguments() const;

 private:
  std::filesystem::path yaml() const { return path_ / "campaign.yaml"; }
  std::filesystem::path plan() const { return path_ / "plan.json"; }
  [[noreturn]] void throw_damaged() const;
  nlohmann::ordered_json read_plan_file() const;

  std::filesystem::path path_;
  bool was_there_ = false, output_was_there_ = false;
};

}  // namespace backobs
