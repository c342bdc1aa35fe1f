// SPDX-License-Identifier: MIT
#include "campaign/estimate.h"

#include "campaign/attribution.h"
#include "campaign/batches.h"
#include "campaign/instances.h"
#include "host/page_keeper.h"
#include "measure/machine_rates.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
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

/// Everything a step needs, made as a run makes it.
struct Rig {
  Rig(const RunSettings& run_settings, const Registry& plugins);
  double time_evaluations();
  /// Steps with these extensions due, repeated on one batch; what one of them writes.
  std::pair<double, double> time_steps(std::vector<Watched> watched);

  RunSettings settings;
  Random random;
  std::shared_ptr<const Problem> problem;
  std::shared_ptr<const DataSource> data;
  std::unique_ptr<Network> network;
  std::unique_ptr<Pass> pass;
  std::unique_ptr<Runner> runner;
  std::vector<Watched> watched;
  std::vector<ExtensionInstance> wanted;
};

Rig::Rig(const RunSettings& run_settings, const Registry& plugins) : settings(run_settings), random(run_settings.seed) {
  const AtWork mark("problem", settings.problem.name, "set-up");
  problem = plugins.make_problem(settings.problem.name, settings.problem.options);
  data = problem->data(settings.data_request());
  network = std::make_unique<Network>(problem->network(random));
  network->to(settings.scalar_type(), c10::Device(settings.device));
  pass = std::make_unique<Pass>(*network, problem->loss(), pass_settings(settings, problem));
  runner = plugins.make_runner(settings.runner.name, settings.runner.options);
  runner->prepare(network->parameters());
  watched = watched_by(settings, plugins, *pass);
  wanted = wanted_by(*runner, settings, plugins, *pass);
}

double Rig::time_evaluations() {
  double seconds = 0;
  for (const Phase phase : {Phase::train_eval, Phase::valid, Phase::test}) {
    Batches batches(*data, phase, random, settings.loop.batch_size);
    const ForwardContext context;
    const double one = timed([&] { pass->evaluate(data->batch(phase, batches.at(0), random), context); });
    seconds += one * static_cast<double>(batches.count());
  }
  return seconds;
}

std::pair<double, double> Rig::time_steps(std::vector<Watched> due) {
  for (Watched& one : due) one.every = 1, one.budget = 0;
  BytesOfStep observer;
  HeldStep step(*pass, random, std::move(due), wanted, observer);
  Batches batches(*data, Phase::train, random, settings.loop.batch_size);
  const AtWork mark("runner", settings.runner.name, "step");
  const double seconds = timed([&] {
    observer.bytes = 0;
    step.hold(data->batch(Phase::train, batches.at(0), random), {0, 0, 0, batches.count()});
    runner->step(step);
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
  at::set_num_threads(static_cast<int>(settings.threads));
  give_back_pages();  // what was measured before is no memory of this one
  forget_peak();
  Costs costs;
  std::unique_ptr<Rig> rig;
  costs.set_up_s = seconds_of([&] { rig = std::make_unique<Rig>(settings, registry); });
  check_batch_size(*rig->data, settings);
  costs.evaluation_s = rig->time_evaluations();
  costs.plain_step_s = rig->time_steps({}).first;
  std::map<int64_t, std::vector<Watched>> groups;
  for (const Watched& one : rig->watched) {
    if (one.budget <= 0) {
      groups[one.every].push_back(one);
      continue;
    }
    const auto [seconds, bytes] = rig->time_steps({one});
    costs.budgeted.push_back({one.budget, std::max(0.0, seconds - costs.plain_step_s), bytes});
  }
  for (const auto& [every, group] : groups) {
    const auto [seconds, bytes] = rig->time_steps(group);
    costs.extra_s[every] = std::max(0.0, seconds - costs.plain_step_s);
    costs.extra_bytes[every] = bytes;
  }
  costs.steps_per_epoch = Batches(*rig->data, Phase::train, rig->random, settings.loop.batch_size).count();
  costs.parameter_bytes = bytes_of(*rig->network);
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
