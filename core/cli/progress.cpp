// SPDX-License-Identifier: MIT
#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace backobs {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kBetweenDrawings = std::chrono::milliseconds(100);
constexpr int kBarWidth = 20;

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

std::string result_text(const EpochEvaluation& evaluation) {
  std::string text = "train " + format("%.4g", evaluation.train.loss) + ", valid " +
                     format("%.4g", evaluation.valid.loss) + ", test " + format("%.4g", evaluation.test.loss);
  if (evaluation.test.accuracy != 0) text += ", test acc " + format("%.4f", evaluation.test.accuracy);
  return text;
}

std::size_t columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Progress::Progress(std::string title, int64_t epochs)
    : title_(std::move(title)), epochs_(epochs), terminal_(isatty(STDERR_FILENO)), start_(Clock::now()), last_(start_) {
  if (terminal_) draw(0, "loading");
}

Progress::~Progress() { clear(); }

void Progress::evaluated(const EpochEvaluation& evaluation, int64_t epoch, int64_t) {
  steps_of_epoch_ = std::max(steps_of_epoch_, steps_seen_);
  steps_seen_ = 0;
  results_ = result_text(evaluation);
  const std::string text = "epoch " + std::to_string(epoch) + "/" + std::to_string(epochs_) + ": " + results_;
  if (terminal_)
    draw(epochs_ ? static_cast<double>(epoch) / static_cast<double>(epochs_) : 1, text);
  else
    std::fprintf(stderr, "%s: %s\n", title_.c_str(), text.c_str());
}

void Progress::step_done(const StepPosition& place, double loss, bool) {
  steps_seen_ = place.index + 1;
  if (!terminal_) return;
  const auto now = Clock::now();
  if (now - last_ < kBetweenDrawings) return;
  last_ = now;
  const double within = steps_of_epoch_ ? static_cast<double>(steps_seen_) / static_cast<double>(steps_of_epoch_) : 0;
  draw((static_cast<double>(place.epoch) + within) / static_cast<double>(epochs_),
       "epoch " + std::to_string(place.epoch) + "/" + std::to_string(epochs_) + " step " + std::to_string(steps_seen_) +
           " loss " + format("%.4g", loss));
}

void Progress::finish(const std::string& how) {
  clear();
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  std::fprintf(stderr, "%s: %s in %.1f s%s%s\n", title_.c_str(), how.c_str(), seconds, results_.empty() ? "" : ", ",
               results_.c_str());
}

void Progress::draw(double share, const std::string& text) {
  const int full = static_cast<int>(kBarWidth * std::min(1.0, share));
  std::string line = title_ + " [" + std::string(static_cast<std::size_t>(full), '=') +
                     std::string(static_cast<std::size_t>(kBarWidth - full), ' ') + "] " + text;
  line.resize(std::min(line.size(), columns() - 1));
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::clear() {
  if (std::exchange(drawn_, false)) std::fprintf(stderr, "\r\033[K");
}

}  // namespace backobs
