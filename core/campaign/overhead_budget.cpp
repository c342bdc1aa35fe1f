// SPDX-License-Identifier: MIT
#include "campaign/overhead_budget.h"

#include "campaign/training_state.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace backobs {
namespace {

constexpr int64_t kWindow = 64;     ///< free steps that b looks back on
constexpr int64_t kKnown = 3;       ///< free steps after which b is believed
constexpr int64_t kMostInRow = 15;  ///< chosen steps between two free ones

}  // namespace

OverheadBudget::OverheadBudget(const std::vector<Watched>& watched, Clock clock) : clock_(std::move(clock)) {
  for (const Watched& one : watched) {
    if (one.budget > 0)
      accounts_[one.instance.name].share = one.budget / 100;
    else
      periods_[one.instance.name] = one.every;
  }
}

double OverheadBudget::steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string OverheadBudget::others_due(int64_t step) const {
  std::string names;
  for (const auto& [name, every] : periods_)
    if (step % every == 0) names += name + ",";
  return names;
}

std::string OverheadBudget::choose(const Base& base) const {
  if (base.steps < kKnown || base.used >= kMostInRow) return "";
  const std::pair<const std::string, Account>* best = nullptr;
  for (const auto& entry : accounts_) {
    const Account& one = entry.second;
    const bool is_due = one.cost < 0 || one.share * total_ - one.spent >= one.cost / 2;
    if (is_due && (!best || one.last_use < best->second.last_use)) best = &entry;
  }
  return best ? best->first : "";
}

std::string OverheadBudget::begin(int64_t step) {
  if (accounts_.empty()) return "";
  start_ = clock_();
  step_ = step;
  others_ = others_due(step);
  chosen_ = warm_ ? choose(bases_[others_]) : "";
  return chosen_;
}

void OverheadBudget::end() {
  if (accounts_.empty() || !std::exchange(warm_, true)) return;
  const double seconds = clock_() - start_;
  Base& base = bases_[others_];
  if (chosen_.empty()) {
    base.steps = std::min(base.steps + 1, kWindow);
    base.seconds += (seconds - base.seconds) / static_cast<double>(base.steps);
    base.used = 0;
    total_ += seconds;
    return;
  }
  Account& account = accounts_.at(chosen_);
  const double cost = seconds - base.seconds;
  account.spent += cost;
  account.cost = std::max(0.0, account.cost < 0 ? cost : (account.cost + cost) / 2);
  account.last_use = step_;
  ++base.used;
  total_ += base.seconds;
}

double OverheadBudget::overhead(const std::string& extension) const {
  return total_ > 0 ? accounts_.at(extension).spent / total_ : 0;
}

void OverheadBudget::save(State& state) const {
  if (accounts_.empty()) return;
  state.put("budget/total", total_);
  for (const auto& [name, one] : accounts_) {
    state.put("budget/account/" + name + "/spent", one.spent);
    state.put("budget/account/" + name + "/cost", one.cost);
    state.put("budget/account/" + name + "/last_use", one.last_use);
  }
  for (const auto& [others, base] : bases_) {
    state.put("budget/seconds/" + others, base.seconds);
    state.put("budget/steps/" + others, base.steps);
  }
}

void OverheadBudget::load(const State& state) {
  if (accounts_.empty()) return;
  total_ = state.real("budget/total");
  for (auto& [name, one] : accounts_) {
    one.spent = state.real("budget/account/" + name + "/spent");
    one.cost = state.real("budget/account/" + name + "/cost");
    one.last_use = state.integer("budget/account/" + name + "/last_use");
  }
  const State seconds = part_of(state, "budget/seconds"), steps = part_of(state, "budget/steps");
  for (const auto& [others, value] : seconds.values())
    bases_[others] = {std::get<double>(value), steps.integer(others), 0};
  warm_ = false;
}

}  // namespace backobs
