// SPDX-License-Identifier: MIT
#include "cli/campaign_progress.h"

#include "cli/run_progress.h"
#include "files/number_format.h"
#include "files/printable.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace backobs {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kBetweenDrawings = std::chrono::milliseconds(200);
constexpr int kBarWidth = 20;

std::size_t columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string bar(double share) {
  const int full = static_cast<int>(kBarWidth * std::clamp(share, 0.0, 1.0));
  return "[" + std::string(static_cast<std::size_t>(full), '=') + std::string(static_cast<std::size_t>(kBarWidth - full), ' ') + "]";
}

/// "1:02:03", "2:03".
std::string clock_text(double seconds) {
  const auto whole = static_cast<long long>(seconds);
  char text[48];
  if (whole >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
  return text;
}

std::string run_bar(const Worker& worker, const std::string& title) {
  const Position at = worker.position();
  std::string text = title + " " + bar(at.share);
  if (at.step < 0) return text + " starting";
  return text + " epoch " + std::to_string(at.epoch) + " step " + std::to_string(at.step) + " loss " +
         formatted("%.4g", at.loss);
}

}  // namespace

CampaignProgress::CampaignProgress(std::size_t planned, std::size_t runs)
    : planned_(planned), runs_(runs), terminal_(isatty(STDERR_FILENO)), start_(Clock::now()), last_() {}
CampaignProgress::~CampaignProgress() { clear(); }

/// Runs side by side: a line that does not name its run, an error or a plugin's message, gets its name.
void CampaignProgress::line(const Run& run, const std::string& text) {
  const std::string title = title_of(run.index, planned_, short_text(run.settings));
  const bool names_itself = text.empty() || text.rfind(title, 0) == 0;
  say(names_itself ? text : title + ": " + text);
}

void CampaignProgress::ended(const Ending& ending, bool again) {
  const std::string title = title_of(ending.run->index, planned_, short_text(ending.run->settings));
  if (ending.reused) say(title + ": reused, " + ending.state + " before");
  if (ending.state == "failed") say(title + ": failed, " + ending.reason + " (run " + ending.run->id + ")" + (again ? "; it is tried again" : ""));
}

void CampaignProgress::waits(int64_t runs) {
  say("waiting for " + std::to_string(runs) + " runs that other processes are at work on");
}

void CampaignProgress::looks(const std::list<Worker>& workers, int64_t ended) {
  const auto now = Clock::now();
  if (!terminal_ || now - last_ < kBetweenDrawings) return;
  last_ = now;
  std::vector<std::string> bars;
  double share = static_cast<double>(ended);
  for (const Worker& worker : workers) {
    const Run& run = worker.run();
    bars.push_back(run_bar(worker, title_of(run.index, planned_, short_text(run.settings))));
    share += worker.position().share;
  }
  bars.push_back(campaign_bar(share / static_cast<double>(runs_), ended));
  draw(bars);
}

std::string CampaignProgress::campaign_bar(double share, int64_t ended) {
  if (share_at_start_ < 0) share_at_start_ = share;
  std::string text = "campaign " + bar(share) + " " + std::to_string(ended) + " of " + std::to_string(runs_) + " runs";
  const double gained = share - share_at_start_, seconds = std::chrono::duration<double>(last_ - start_).count();
  if (gained > 0) text += ", " + clock_text(seconds * (1 - share) / gained) + " left";
  return text;
}

void CampaignProgress::say(const std::string& text) {
  clear();
  std::fprintf(stderr, "%s\n", printable(text).c_str());
}

void CampaignProgress::draw(const std::vector<std::string>& bars) {
  clear();
  const std::size_t width = columns() - 1;
  for (const auto& text : bars) std::fprintf(stderr, "%s\n", printable(text).substr(0, width).c_str());
  std::fflush(stderr);
  drawn_ = bars.size();
}

void CampaignProgress::clear() {
  for (; drawn_ > 0; --drawn_) std::fputs("\033[A\r\033[K", stderr);
}

}  // namespace backobs
