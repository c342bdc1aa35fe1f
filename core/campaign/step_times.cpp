// SPDX-License-Identifier: MIT
#include "campaign/step_times.h"

#include "campaign/training_state.h"
#include "files/comma_list.h"

#include <set>
#include <utility>

namespace backobs {

StepTimes::StepTimes(const std::vector<Watched>& watched) {
  for (const Watched& one : watched)
    if (!(one.budget > 0)) periods_[one.instance.name] = one.every;
}

void StepTimes::end(double now, int64_t step, const std::string& chosen) {
  if (!std::exchange(warm_, true)) return;
  std::set<std::string> due;
  for (const auto& [name, every] : periods_)
    if (step % every == 0) due.insert(name);
  if (!chosen.empty()) due.insert(chosen);
  Sum& sum = sums_[comma_list({due.begin(), due.end()}, ",")];
  ++sum.steps;
  sum.seconds += now - start_;
}

void StepTimes::save(State& state) const {
  for (const auto& [names, sum] : sums_) {
    state.put("times/steps/" + names, sum.steps);
    state.put("times/seconds/" + names, sum.seconds);
  }
}

void StepTimes::load(const State& state) {
  const State steps = part_of(state, "times/steps"), seconds = part_of(state, "times/seconds");
  sums_.clear();
  for (const auto& [names, value] : seconds.values()) sums_[names] = {steps.integer(names), std::get<double>(value)};
  warm_ = false;
}

}  // namespace backobs
