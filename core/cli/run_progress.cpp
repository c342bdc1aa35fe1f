// SPDX-License-Identifier: MIT
#include "cli/run_progress.h"

#include "campaign/attribution.h"
#include "files/number_format.h"
#include "files/printable.h"

#include <cstdio>
#include <utility>

namespace backobs {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kBetweenLines = std::chrono::seconds(1);

std::string result_text(const EpochEvaluation& evaluation) {
  std::string text = "train " + formatted("%.4g", evaluation.train.loss) + ", valid " +
                     formatted("%.4g", evaluation.valid.loss) + ", test " + formatted("%.4g", evaluation.test.loss);
  if (evaluation.test.accuracy != 0) text += ", test acc " + formatted("%.4f", evaluation.test.accuracy);
  return text;
}

}  // namespace

RunProgress::RunProgress(std::string title, int64_t epochs)
    : title_(printable(title)), epochs_(epochs), start_(Clock::now()), last_(start_) {}

void RunProgress::evaluated(const EpochEvaluation& evaluation, int64_t epoch, int64_t) {
  results_ = result_text(evaluation);
  position().share = epochs_ ? static_cast<double>(epoch) / static_cast<double>(epochs_) : 1;
  const auto now = Clock::now();
  if (epoch > 0 && epoch < epochs_ && now - last_ < kBetweenLines) return;
  last_ = now;
  std::fprintf(stderr, "%s: epoch %lld/%lld: %s\n", title_.c_str(), static_cast<long long>(epoch),
               static_cast<long long>(epochs_), results_.c_str());
}

void RunProgress::step_done(const StepPosition& place, double loss, bool) {
  const double within = static_cast<double>(place.index + 1) / static_cast<double>(place.steps_per_epoch);
  position().share = (static_cast<double>(place.epoch) + within) / static_cast<double>(epochs_);
  position().loss = loss;
}

void RunProgress::finish(const std::string& how) {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  std::fprintf(stderr, "%s: %s in %.1f s%s%s\n", title_.c_str(), how.c_str(), seconds, results_.empty() ? "" : ", ",
               results_.c_str());
}

std::string title_of(int64_t index, std::size_t count, const std::string& text) {
  return "[" + std::to_string(index + 1) + "/" + std::to_string(count) + "] " + text;
}

}  // namespace backobs
