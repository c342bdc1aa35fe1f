// SPDX-License-Identifier: MIT
#include "campaign/training.h"

#include <backobs/error.h>

#include "campaign/attribution.h"
#include "campaign/batches.h"
#include "campaign/instances.h"
#include "campaign/overhead_budget.h"
#include "campaign/run_parts.h"
#include "campaign/step_times.h"
#include "campaign/training_state.h"
#include "campaign/training_step.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace backobs {
namespace {

/// Draws of an evaluation: positions that no training step has, apart for each phase.
Random evaluation_random(const Random& experiment, int64_t epoch, Phase phase, int64_t batch) {
  return experiment.at(epoch, -1 - batch - (static_cast<int64_t>(phase) << 40));
}

}  // namespace

struct Training::Impl {
  Impl(const RunSettings& settings, const Registry& registry);

  std::vector<ExtensionInstance> instances() const;

  State state() const;
  void load(const State& state);
  double seconds() const;
  bool last_is_finite() const;
  bool is_out_of_patience() const;

  void train(TrainingObserver& observer, Checkpointing& checkpointing);
  bool goes_on(Checkpointing& checkpointing);
  std::optional<Evaluation> evaluate(Phase phase, int64_t epoch, Checkpointing& checkpointing);
  bool evaluate_all(int64_t epoch, TrainingObserver& observer, Checkpointing& checkpointing);
  void set_rate(TrainingObserver& observer);
  bool train_epoch(HeldStep& step, TrainingObserver& observer, Checkpointing& checkpointing);
  bool take_step(const StepPosition& place, HeldStep& step, TrainingObserver& observer);

  RunParts parts;
  std::vector<Refusal> refusals;
  OverheadBudget budget;
  StepTimes times;
  int64_t steps_per_epoch = 0;

  // Where the loop stands: the next step is the one of this index in this epoch. At the epoch's end the evaluation comes
  // first; before anything else, while there are no curves, that of epoch 0.
  int64_t epoch = 0, index = 0, steps_done = 0;
  TrainingResult result;
  double seconds_before = 0;  ///< of earlier processes
  std::chrono::steady_clock::time_point start;  ///< of this one
};

Training::Impl::Impl(const RunSettings& settings, const Registry& registry)
    : parts(settings, registry),
      refusals(parts.pass->refusals(instances_of(parts.watched), settings.loop.batch_size)),
      budget(parts.watched),
      times(parts.watched) {}

State Training::Impl::state() const {
  State state;
  state.put("position/epoch", epoch);
  state.put("position/index", index);
  state.put("position/steps_done", steps_done);
  state.put("position/seconds", seconds());
  save_network(state, *parts.network);
  save_curves(state, result.curves);
  budget.save(state);
  times.save(state);
  State part;
  {
    const AtWork mark("runner", parts.settings.runner.name, "save_state");
    parts.runner->save_state(part);
  }
  put_all(state, "runner", part);
  for (const auto& instance : instances()) {
    State own;
    instance.extension->save_state(own);
    put_all(state, "extension/" + instance.name, own);
  }
  return state;
}

void Training::Impl::load(const State& state) {
  epoch = state.integer("position/epoch");
  index = state.integer("position/index");
  steps_done = state.integer("position/steps_done");
  seconds_before = state.real("position/seconds");
  load_network(state, *parts.network);
  load_curves(state, result.curves);
  budget.load(state);
  times.load(state);
  {
    const AtWork mark("runner", parts.settings.runner.name, "load_state");
    parts.runner->load_state(part_of(state, "runner"));
  }
  for (const auto& instance : instances()) instance.extension->load_state(part_of(state, "extension/" + instance.name));
}

std::vector<ExtensionInstance> Training::Impl::instances() const {
  std::vector<ExtensionInstance> all = parts.wanted;
  for (const Watched& one : parts.watched) all.push_back(one.instance);
  return all;
}

double Training::Impl::seconds() const {
  return seconds_before + std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Whether the losses of the last evaluation are numbers.
bool Training::Impl::last_is_finite() const {
  if (result.curves.epochs.empty()) return true;
  const EpochEvaluation& last = result.curves.epochs.back();
  return std::isfinite(last.train.loss) && std::isfinite(last.valid.loss) && std::isfinite(last.test.loss);
}

/// Epochs since the validation loss was lowest reach the limit.
bool Training::Impl::is_out_of_patience() const {
  const auto& epochs = result.curves.epochs;
  const auto lower = [](const auto& a, const auto& b) {  // what is no number is lower than none
    return a.valid.loss < b.valid.loss || (std::isnan(b.valid.loss) && !std::isnan(a.valid.loss));
  };
  const auto since_best = epochs.end() - 1 - std::min_element(epochs.begin(), epochs.end(), lower);
  return parts.settings.loop.patience > 0 && since_best >= parts.settings.loop.patience;
}

/// Between steps and evaluations: false to end here, where it is an interruption with a checkpoint of this place.
bool Training::Impl::goes_on(Checkpointing& checkpointing) {
  result.interrupted = checkpointing.stop();
  if (result.interrupted || checkpointing.due()) checkpointing.take(state());
  // Behind an evaluation that is no number the next step tells whether the run has diverged.
  const bool is_in_doubt = index == 0 && !last_is_finite();
  const LoopSettings& loop = parts.settings.loop;
  if (loop.max_time > 0 && seconds() >= loop.max_time && epoch < loop.epochs && !is_in_doubt)
    result.stopped_by = "max_time";
  return !result.interrupted && result.stopped_by.empty();
}

/// Empty if it was stopped on the way.
std::optional<Evaluation> Training::Impl::evaluate(Phase phase, int64_t at_epoch, Checkpointing& checkpointing) {
  Batches batches(*parts.data, phase, parts.random.at(at_epoch, 0), parts.settings.loop.batch_size);
  Evaluation sum;
  double weights = 0;
  ForwardContext context;
  for (int64_t i = 0; i < batches.count(); ++i) {
    if (checkpointing.stop()) return std::nullopt;
    context.random = evaluation_random(parts.random, at_epoch, phase, i);
    const Batch batch = parts.data->batch(phase, batches.at(i), context.random);
    const Evaluation one = parts.pass->evaluate(batch, context);
    // DeepOBS's batches are all of one size; complete sets end with a smaller one, which counts by its samples.
    const double weight = parts.settings.protocol == Protocol::strict ? static_cast<double>(batch.size) : 1;
    sum.loss += weight * one.loss;
    sum.accuracy += weight * one.accuracy;
    weights += weight;
  }
  return Evaluation{sum.loss / weights, sum.accuracy / weights};
}

bool Training::Impl::evaluate_all(int64_t at_epoch, TrainingObserver& observer, Checkpointing& checkpointing) {
  const AtWork mark("", "", "evaluate");
  const auto train = evaluate(Phase::train_eval, at_epoch, checkpointing);
  const auto valid = train ? evaluate(Phase::valid, at_epoch, checkpointing) : std::nullopt;
  const auto test = valid ? evaluate(Phase::test, at_epoch, checkpointing) : std::nullopt;
  if (!test) return false;
  result.curves.epochs.push_back({*train, *valid, *test});
  observer.evaluated(result.curves.epochs.back(), at_epoch, steps_done);
  return true;
}

void Training::Impl::set_rate(TrainingObserver& observer) {
  const auto& epochs = parts.settings.loop.lr_sched_epochs;
  if (std::find(epochs.begin(), epochs.end(), epoch) == epochs.end()) return;
  const AtWork mark("runner", parts.settings.runner.name, "set_rate_factor");
  parts.runner->set_rate_factor(parts.settings.loop.rate_factor(epoch));
  observer.rate_set(parts.runner->rate());
}

bool Training::Impl::take_step(const StepPosition& place, HeldStep& step, TrainingObserver& observer) {
  const AtWork mark("runner", parts.settings.runner.name, "step");
  const double loss_before = parts.runner->step(step);
  const bool logged = place.index % parts.settings.loop.log_interval == 0;
  if (logged) result.curves.minibatch_losses.push_back(loss_before);
  ++steps_done;
  observer.step_done(place, loss_before, logged);
  if (!std::isfinite(loss_before)) result.divergence = Divergence{place.epoch, place.index, place.global};
  return std::isfinite(loss_before);
}

/// From `index` to the epoch's end; false where the run ends before.
bool Training::Impl::train_epoch(HeldStep& step, TrainingObserver& observer, Checkpointing& checkpointing) {
  Batches batches(*parts.data, Phase::train, parts.random.at(epoch, 0), parts.settings.loop.batch_size);
  while (index < steps_per_epoch) {
    const StepPosition place{epoch, index, steps_done, steps_per_epoch};
    const std::string chosen = budget.begin(place.global);
    times.begin(seconds());
    step.hold(parts.data->batch(Phase::train, batches.at(index), parts.random.at(epoch, steps_done)), place, chosen);
    const bool is_finite = take_step(place, step, observer);
    budget.end();
    times.end(seconds(), place.global, chosen);
    if (!chosen.empty()) observer.budget_used(place, chosen, budget.overhead(chosen));
    if (!is_finite) return false;
    ++index;
    if (!goes_on(checkpointing)) return false;
  }
  return true;
}

void Training::Impl::train(TrainingObserver& observer, Checkpointing& checkpointing) {
  if (result.curves.epochs.empty()) evaluate_all(0, observer, checkpointing);
  if (!goes_on(checkpointing)) return;
  HeldStep step(*parts.pass, parts.random, parts.watched, parts.wanted, observer);
  while (epoch < parts.settings.loop.epochs) {
    if (index == 0) set_rate(observer);
    if (!train_epoch(step, observer, checkpointing)) return;
    if (evaluate_all(epoch + 1, observer, checkpointing)) {
      ++epoch;
      index = 0;
    }
    if (epoch < parts.settings.loop.epochs && last_is_finite() && is_out_of_patience()) {
      result.stopped_by = "patience";
      return;
    }
    if (!goes_on(checkpointing)) return;
  }
}

Checkpointing::~Checkpointing() = default;

Training::Training(const RunSettings& settings, const Registry& registry)
    : impl_(std::make_unique<Impl>(settings, registry)) {
  const Batches batches(*impl_->parts.data, Phase::train, impl_->parts.random, settings.loop.batch_size);
  const int64_t most = settings.loop.max_steps ? settings.loop.max_steps : batches.count();
  impl_->steps_per_epoch = std::min(most, batches.count());
}
Training::~Training() = default;

const std::vector<Refusal>& Training::refusals() const { return impl_->refusals; }
std::vector<std::string> Training::parameter_names() const {
  std::vector<std::string> names;
  for (const auto& info : impl_->parts.pass->parameters()) names.push_back(info.name);
  return names;
}
int64_t Training::steps_done() const { return impl_->steps_done; }
int64_t Training::steps_per_epoch() const { return impl_->steps_per_epoch; }
bool Training::has_accuracy() const { return impl_->parts.loss->has_accuracy(); }
bool Training::quantities_are_of_evaluation_mode() const { return impl_->parts.pass->couples_samples(); }
std::string Training::optimizer_name() const { return impl_->parts.runner->optimizer_name(); }

void Training::resume(const State& state) { impl_->load(state); }
State Training::network_state() const {
  State state;
  save_network(state, *impl_->parts.network);
  return state;
}

TrainingResult Training::run(TrainingObserver& observer, Checkpointing& checkpointing) {
  Impl& run = *impl_;
  TrainingResult& result = run.result;
  result.curves.has_accuracy = has_accuracy();
  run.start = std::chrono::steady_clock::now();
  run.train(observer, checkpointing);
  result.step_times = run.times.sums();
  if (result.interrupted || !result.stopped_by.empty()) return result;
  const int64_t epochs = run.parts.settings.loop.epochs;
  if (result.divergence) {
    result.curves.fill_after_divergence(run.epoch, epochs);
    return result;
  }
  if (epochs > 0 && !run.last_is_finite())
    result.divergence = Divergence{epochs - 1, run.steps_per_epoch - 1, run.steps_done - 1};
  return result;
}

TrainingResult Training::run(TrainingObserver& observer) {
  Checkpointing never;
  return run(observer, never);
}

}  // namespace backobs
