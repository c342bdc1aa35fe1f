// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/scheduler.h"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace backobs {

/// A campaign's progress on stderr: the lines its runs write, and failures when they happen. On a terminal below them one
/// bar per run at work and one for the campaign, with the time that is left; nothing of the kind elsewhere.
class CampaignProgress final : public ScheduleObserver {
 public:
  CampaignProgress(std::size_t planned, std::size_t runs);
  ~CampaignProgress() override;

  void line(const Run& run, const std::string& text) override;
  void ended(const Ending& ending, bool again) override;
  void waits(int64_t runs) override;
  void looks(const std::list<Worker>& workers, int64_t ended) override;

 private:
  void say(const std::string& text);
  void draw(const std::vector<std::string>& bars);
  void clear();
  std::string campaign_bar(double share_of_runs, int64_t ended);

  std::size_t planned_, runs_;
  bool terminal_;
  std::size_t drawn_ = 0;  ///< lines of bars on the screen
  double share_at_start_ = -1;  ///< of the campaign, reused runs included
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace backobs
