// SPDX-License-Identifier: MIT
#include "report/run_status.h"

#include "campaign/checkpoints.h"
#include "campaign/run_folder.h"
#include "campaign/run_lock.h"
#include "files/number_format.h"
#include "report/finished_runs.h"

#include <fstream>
#include <sstream>

namespace backobs {
namespace {

namespace fs = std::filesystem;
/// Bytes that are looked at for the last rows of a log; more, if no loss is among them.
constexpr int64_t kTail = 16 << 10, kLongestTail = 16 << 20;

/// The last whole lines of a file.
std::string tail_of(const fs::path& file, int64_t bytes) {
  std::error_code error;
  const auto size = static_cast<int64_t>(fs::file_size(file, error));
  if (error) return "";
  std::ifstream stream(file, std::ios::binary);
  const int64_t first = std::max<int64_t>(0, size - bytes);
  stream.seekg(first);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (first > 0) text.erase(0, text.find('\n') + 1);
  return text.substr(0, text.rfind('\n') + 1);
}

void look_at_end_of_log(RunStatus& status, const std::string& end) {
  std::istringstream lines(end);
  double seconds = 0;
  for (std::string line; std::getline(lines, line);) try {
      const MetricRow row = metric_row(line);
      status.step = row.step;
      status.epoch = row.epoch;
      seconds = parse_real(row.wall_time).value_or(seconds);
      if (row.split == "train" && row.metric == "loss") status.loss = parse_real(row.value);
    } catch (const nlohmann::json::exception&) {
      return;  // a log is text that anybody may have touched
    }
  const double share = status.epochs ? static_cast<double>(status.epoch) / static_cast<double>(status.epochs) : 0;
  if (status.state == "running" && share > 0) status.left_s = seconds * (1 - share) / share;
}

/// What is recorded of extensions may stand between the end and the last loss.
void look_at_log(RunStatus& status, const RunFolder& folder) {
  std::error_code ignored;
  const fs::path part = folder.metrics().string() + ".part", log = fs::exists(part, ignored) ? part : folder.metrics();
  std::string end;
  for (int64_t bytes = kTail; !status.loss && bytes <= kLongestTail; bytes *= 32) {
    const std::string longer = tail_of(log, bytes);
    if (!end.empty() && longer.size() == end.size()) return;
    end = longer;
    look_at_end_of_log(status, end);
  }
}

}  // namespace

std::string run_state(const RunFolder& folder) {
  const auto recorded = folder.state();
  if (recorded == "done" || recorded == "diverged") return *recorded;
  if (RunLock::is_held(folder.path())) return "running";
  if (recorded) return *recorded;
  return Checkpoints::files(folder.path()).empty() ? "waiting" : "interrupted";
}

std::vector<RunStatus> campaign_status(const CampaignFolder& folder) {
  std::error_code ignored;
  std::vector<RunStatus> all;
  for (PlannedRun& run : folder.planned()) {
    const RunFolder files(folder.path(), run.id);
    RunStatus status;
    status.epochs = run.settings.value("epochs", int64_t{0});
    status.run = std::move(run);
    status.state = run_state(files);
    if (status.state == "failed") status.reason = files.failure();
    if (status.state == "damaged") status.reason = "its metrics are not what was written, it is performed again";
    if (fs::exists(files.record(), ignored) && !files.state()) status.reason = "run.json is damaged, it is performed again";
    look_at_log(status, files);
    all.push_back(std::move(status));
  }
  return all;
}

}  // namespace backobs
