// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace backobs {

/// Where one run's files are: <campaign folder>/runs/<id>/{run.json, metrics.ndjson, log.txt, parameters.pt, …}.
/// run.json is written last: a run is finished when it says "done" or "diverged". Files that still grow end in ".part".
class BACKOBS_API RunFolder {
 public:
  RunFolder(std::filesystem::path campaign_folder, const std::string& id);

  const std::filesystem::path& campaign_folder() const { return campaign_; }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path record() const { return path_ / "run.json"; }
  std::filesystem::path metrics() const { return path_ / "metrics.ndjson"; }
  std::filesystem::path log() const { return path_ / "log.txt"; }
  /// Parameters and buffers at the end, for torch.load and `init`.
  std::filesystem::path parameters() const { return path_ / "parameters.pt"; }
  /// Root of what `save: tensors` writes.
  std::filesystem::path tensors() const { return path_ / "tensors"; }
  /// Root of the DeepOBS tree, shared by all runs of the campaign.
  std::filesystem::path deepobs() const { return campaign_ / "deepobs"; }

  /// "done", "diverged" or "failed", as run.json says, or "damaged" where it says that the run is over and the metrics are not
  /// as long as it says; empty without a readable one of this id.
  std::optional<std::string> state() const;
  /// Why it failed, as run.json says; empty where it does not.
  std::string failure() const;
  /// Whether there is nothing left to do.
  bool is_finished() const;

  /// Makes the folder, empty of what an earlier attempt left.
  void prepare() const;
  /// Removes what an attempt wrote that is over and cannot be continued: parts and metrics.
  void remove_attempt() const;
  /// Removes the folder, and those of the campaign above it that are empty then.
  void discard() const;

 private:
  nlohmann::json read_record() const;
  bool has_its_metrics(const nlohmann::json& record) const;

  std::filesystem::path campaign_, path_;
  std::string id_;
};

}  // namespace backobs
