// SPDX-License-Identifier: MIT
#include "campaign/estimate.h"

#include "campaign/attribution.h"
#include "campaign/batches.h"
#include "campaign/run_parts.h"
#include "host/page_keeper.h"
#include "host/threads.h"
#include "measure/machine_rates.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

namespace backobs {
namespace {

constexpr double kRowBytes = 115;        ///< of a row of metrics beside its names
constexpr double kProcessStart_s = 0.5;  ///< LibTorch's libraries
constexpr double kPatience_s = 2;        ///< a step that takes longer is timed once

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The shorter of two repetitions, after one that warms up.
double timed(const std::function<void()>& work) {
  const double first = seconds_of(work);
  return first > kPatience_s ? first : std::min(seconds_of(work), seconds_of(work));
}

/// Counts what a step would write.
struct BytesOfStep final : TrainingObserver {
  void recorded(const StepPosition&, const std::string& quantity, const std::string& reduction,
                const std::string& parameter, double) override {
    bytes += kRowBytes + static_cast<double>(quantity.size() + reduction.size() + parameter.size());
  }
  void saved(const StepPosition&, const std::string&, const std::string&, const std::string&,
             const TensorList& values) override {
    for (const Tensor& value : values) bytes += static_cast<double>(value.numel() * value.element_size());
  }
  double bytes = 0;
};

double time_evaluations(const RunParts& run) {
  double seconds = 0;
  for (const Phase phase : {Phase::train_eval, Phase::valid, Phase::test}) {
    Batches batches(*run.data, phase, run.random, run.settings.loop.batch_size);
    const ForwardContext context;
    const double one = timed([&] { run.pass->evaluate(run.data->batch(phase, batches.at(0), run.random), context); });
    seconds += one * static_cast<double>(batches.count());
  }
  return seconds;
}

/// Steps with these extensions due, repeated on one batch; what one of them writes.
std::pair<double, double> time_steps(const RunParts& run, std::vector<Watched> due) {
  for (Watched& one : due) one.every = 1, one.budget = 0;
  BytesOfStep observer;
  HeldStep step(*run.pass, run.random, std::move(due), run.wanted, observer);
  Batches batches(*run.data, Phase::train, run.random, run.settings.loop.batch_size);
  const AtWork mark("runner", run.settings.runner.name, "step");
  const double seconds = timed([&] {
    observer.bytes = 0;
    step.hold(run.data->batch(Phase::train, batches.at(0), run.random), {0, 0, 0, batches.count()});
    run.runner->step(step);
  });
  return {seconds, observer.bytes};
}

double bytes_of(const Network& network) {
  double bytes = 0;
  for (const Parameter& p : network.parameters())
    bytes += static_cast<double>(p.value.numel() * p.value.element_size());
  return bytes;
}

/// How often a budget lets an extension be due in so many steps that take `stepping` seconds without it.
double times_chosen(const Costs::Budgeted& one, double stepping, int64_t steps) {
  const auto most = static_cast<double>(steps);
  return one.extra_s > 0 ? std::min(most, one.budget / 100 * stepping / one.extra_s) : most;
}

double times_due(int64_t steps, int64_t every) { return static_cast<double>((steps + every - 1) / every); }

}  // namespace

Costs measure_costs(const RunSettings& settings, const Registry& registry) {
  use_threads(settings.threads);
  give_back_pages();  // what was measured before is no memory of this one
  forget_peak();
  Costs costs;
  std::optional<RunParts> run;
  costs.set_up_s = seconds_of([&] { run.emplace(settings, registry); });
  costs.evaluation_s = time_evaluations(*run);
  costs.plain_step_s = time_steps(*run, {}).first;
  std::map<int64_t, std::vector<Watched>> groups;
  for (const Watched& one : run->watched) {
    if (one.budget <= 0) {
      groups[one.every].push_back(one);
      continue;
    }
    const auto [seconds, bytes] = time_steps(*run, {one});
    costs.budgeted.push_back({one.budget, std::max(0.0, seconds - costs.plain_step_s), bytes});
  }
  for (const auto& [every, group] : groups) {
    const auto [seconds, bytes] = time_steps(*run, group);
    costs.extra_s[every] = std::max(0.0, seconds - costs.plain_step_s);
    costs.extra_bytes[every] = bytes;
  }
  costs.steps_per_epoch = Batches(*run->data, Phase::train, run->random, settings.loop.batch_size).count();
  costs.parameter_bytes = bytes_of(*run->network);
  costs.process_mib = resident_memory().peak_mib;
  return costs;
}

Estimate estimate(const RunSettings& settings, const Costs& costs) {
  const LoopSettings& loop = settings.loop;
  const int64_t per_epoch = loop.max_steps ? std::min(loop.max_steps, costs.steps_per_epoch) : costs.steps_per_epoch;
  const int64_t steps = per_epoch * loop.epochs;
  const double evaluations = static_cast<double>(loop.epochs) + 1;
  double bytes = costs.parameter_bytes + 6 * kRowBytes * evaluations +
                 kRowBytes * static_cast<double>(loop.epochs) * times_due(per_epoch, loop.log_interval);
  double stepping = static_cast<double>(steps) * costs.plain_step_s;
  for (const auto& [every, seconds] : costs.extra_s) stepping += times_due(steps, every) * seconds;
  for (const auto& [every, size] : costs.extra_bytes) bytes += times_due(steps, every) * size;
  double training = stepping + evaluations * costs.evaluation_s;
  for (const auto& one : costs.budgeted) {
    const double uses = times_chosen(one, stepping, steps);
    training += uses * one.extra_s;
    bytes += uses * (one.extra_bytes + kRowBytes);
  }
  if (loop.max_time > 0) training = std::min(training, loop.max_time);
  return {kProcessStart_s + costs.set_up_s + training, costs.process_mib, bytes / (1 << 20)};
}

}  // namespace backobs
