// SPDX-License-Identifier: MIT
#include "campaign/training.h"

#include <backobs/error.h>

#include "campaign/attribution.h"
#include "campaign/training_step.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace backobs {
namespace {

constexpr std::array<Phase, 4> kPhases = {Phase::train, Phase::train_eval, Phase::valid, Phase::test};

/// Draws of an evaluation: positions that no training step has, apart for each phase.
Random evaluation_random(const Random& experiment, int64_t epoch, Phase phase, int64_t batch) {
  return experiment.at(epoch, -1 - batch - (static_cast<int64_t>(phase) << 40));
}

/// One pass through a phase, batch by batch.
class Batches {
 public:
  Batches(const DataSource& data, Phase phase, const Random& random, int64_t batch_size)
      : order_(data.order(phase, random)),
        batch_size_(batch_size),
        count_(data.drops_incomplete(phase) ? samples() / batch_size : (samples() + batch_size - 1) / batch_size) {}

  int64_t count() const { return count_; }
  int64_t samples() const { return static_cast<int64_t>(order_.size()); }
  /// Indices of one batch; valid until the next call.
  const std::vector<int64_t>& at(int64_t batch) {
    const auto first = order_.begin() + batch * batch_size_;
    indices_.assign(first, first + std::min(batch_size_, samples() - batch * batch_size_));
    return indices_;
  }

 private:
  std::vector<int64_t> order_, indices_;
  int64_t batch_size_, count_;
};

std::vector<std::pair<std::string, Reduction>> reductions(const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, Reduction>> all;
  for (const auto& name : names) all.emplace_back(name, reduction_named(name));
  return all;
}

PassSettings pass_settings(const RunSettings& settings, std::shared_ptr<const Problem> problem) {
  PassSettings pass;
  pass.l2_reg = settings.loop.l2_reg;
  pass.is_regularised = [problem](const std::string& parameter) { return problem->is_regularised(parameter); };
  pass.penalty_in_quantities = settings.penalty_in_quantities;
  return pass;
}

}  // namespace

struct Training::Impl {
  Impl(const RunSettings& run_settings, const Registry& plugins);

  void check_sets() const;
  void make_extensions();
  void make_wanted();
  ExtensionInstance make_instance(const std::string& name, const std::string& plugin, const Options& options) const;

  Evaluation evaluate(Phase phase, int64_t epoch);
  void evaluate_all(int64_t epoch, TrainingObserver& observer, TrainingResult& result);
  void set_rate(int64_t epoch, TrainingObserver& observer);
  void train_epoch(int64_t epoch, HeldStep& step, TrainingObserver& observer, TrainingResult& result);
  bool take_step(const StepPosition& place, HeldStep& step, TrainingObserver& observer, TrainingResult& result);

  RunSettings settings;
  const Registry& registry;
  Random experiment;
  std::shared_ptr<const Problem> problem;
  std::shared_ptr<const LossRule> loss;
  std::shared_ptr<const DataSource> data;
  std::unique_ptr<Network> network;
  std::unique_ptr<Pass> pass;
  std::unique_ptr<Runner> runner;
  std::vector<Watched> watched;
  std::vector<ExtensionInstance> wanted;
  std::vector<Refusal> refusals;
  int64_t steps_per_epoch = 0, steps_done = 0;
};

Training::Impl::Impl(const RunSettings& run_settings, const Registry& plugins)
    : settings(run_settings), registry(plugins), experiment(run_settings.seed) {
  {
    const AtWork mark("problem", settings.problem.name, "set-up");
    problem = registry.make_problem(settings.problem.name, settings.problem.options);
    loss = problem->loss();
    data = problem->data(settings.data_request());
    network = std::make_unique<Network>(problem->network(experiment));
  }
  check_sets();
  network->to(settings.scalar_type(), c10::Device(settings.device));
  pass = std::make_unique<Pass>(*network, loss, pass_settings(settings, problem));
  {
    const AtWork mark("runner", settings.runner.name, "prepare");
    runner = registry.make_runner(settings.runner.name, settings.runner.options);
    runner->prepare(network->parameters());
  }
  make_extensions();
  make_wanted();
}

void Training::Impl::check_sets() const {
  for (const Phase phase : kPhases) {
    const Batches batches(*data, phase, experiment, settings.loop.batch_size);
    if (batches.count() < 1)
      throw ConfigError("problem `" + settings.problem.name + "`",
                        "batch_size = " + std::to_string(settings.loop.batch_size),
                        "at most " + std::to_string(batches.samples()) + ", the size of its set " + to_string(phase));
  }
}

ExtensionInstance Training::Impl::make_instance(const std::string& name, const std::string& plugin,
                                                const Options& options) const {
  const AtWork mark("extension", plugin, "prepare");
  auto extension = attributed(plugin, registry.make_extension(plugin, options));
  extension->prepare({settings.problem.name, pass->parameters()});
  return {name, std::move(extension)};
}

void Training::Impl::make_extensions() {
  std::vector<ExtensionInstance> instances;
  for (const auto& extension : settings.extensions) {
    instances.push_back(make_instance(extension.name, extension.plugin, extension.options));
    watched.push_back({instances.back(), extension.every, reductions(extension.record)});
  }
  refusals = pass->refusals(instances, settings.loop.batch_size);
}

/// What the runner needs has to work for every parameter, or the run has no meaning.
void Training::Impl::make_wanted() {
  const std::string where = "runner `" + settings.runner.name + "`";
  for (const Want& want : runner->wants()) {
    const std::string plugin = registry.find("extension", want.extension, where).manifest.name;
    std::map<std::string, RawValue> raw;
    for (const auto& [name, text] : want.options) raw[name] = {{text}, false, false, where};
    const Options options = registry.schema("extension", plugin).check(raw, "extension `" + plugin + "`", where);
    wanted.push_back(make_instance("/" + want.extension, plugin, options));
  }
  const auto refused = pass->refusals(wanted, settings.loop.batch_size);
  if (!refused.empty())
    throw ComputeError(
        where, "`" + refused[0].quantity.substr(1) + "` of `" + refused[0].parameter + "`: " + refused[0].reason,
        "a problem where it is defined for every parameter");
}

Evaluation Training::Impl::evaluate(Phase phase, int64_t epoch) {
  Batches batches(*data, phase, experiment.at(epoch, 0), settings.loop.batch_size);
  Evaluation sum;
  double weights = 0;
  ForwardContext context;
  for (int64_t i = 0; i < batches.count(); ++i) {
    context.random = evaluation_random(experiment, epoch, phase, i);
    const Batch batch = data->batch(phase, batches.at(i), context.random);
    const Evaluation one = pass->evaluate(batch, context);
    // DeepOBS's batches are all of one size; complete sets end with a smaller one, which counts by its samples.
    const double weight = settings.protocol == Protocol::strict ? static_cast<double>(batch.size) : 1;
    sum.loss += weight * one.loss;
    sum.accuracy += weight * one.accuracy;
    weights += weight;
  }
  return {sum.loss / weights, sum.accuracy / weights};
}

void Training::Impl::evaluate_all(int64_t epoch, TrainingObserver& observer, TrainingResult& result) {
  const AtWork mark("", "", "evaluate");
  const Evaluation train = evaluate(Phase::train_eval, epoch), valid = evaluate(Phase::valid, epoch),
                   test = evaluate(Phase::test, epoch);
  result.curves.epochs.push_back({train, valid, test});
  observer.evaluated(result.curves.epochs.back(), epoch, steps_done);
}

void Training::Impl::set_rate(int64_t epoch, TrainingObserver& observer) {
  const auto& epochs = settings.loop.lr_sched_epochs;
  if (std::find(epochs.begin(), epochs.end(), epoch) == epochs.end()) return;
  runner->set_rate_factor(settings.loop.rate_factor(epoch));
  observer.rate_set(runner->rate());
}

bool Training::Impl::take_step(const StepPosition& place, HeldStep& step, TrainingObserver& observer,
                               TrainingResult& result) {
  const AtWork mark("runner", settings.runner.name, "step");
  const double loss_before = runner->step(step);
  const bool logged = place.index % settings.loop.log_interval == 0;
  if (logged) result.curves.minibatch_losses.push_back(loss_before);
  ++steps_done;
  observer.step_done(place, loss_before, logged);
  if (!std::isfinite(loss_before)) result.divergence = Divergence{place.epoch, place.index, place.global};
  return std::isfinite(loss_before);
}

void Training::Impl::train_epoch(int64_t epoch, HeldStep& step, TrainingObserver& observer, TrainingResult& result) {
  Batches batches(*data, Phase::train, experiment.at(epoch, 0), settings.loop.batch_size);
  for (int64_t i = 0; i < steps_per_epoch; ++i) {
    const StepPosition place{epoch, i, steps_done};
    const auto& indices = batches.at(i);
    step.hold(data->batch(Phase::train, indices, experiment.at(epoch, steps_done)), place);
    if (!take_step(place, step, observer, result)) return;
  }
}

Training::Training(const RunSettings& settings, const Registry& registry)
    : impl_(std::make_unique<Impl>(settings, registry)) {
  const Batches batches(*impl_->data, Phase::train, impl_->experiment, settings.loop.batch_size);
  const int64_t most = settings.loop.max_steps ? settings.loop.max_steps : batches.count();
  impl_->steps_per_epoch = std::min(most, batches.count());
}
Training::~Training() = default;

const std::vector<Refusal>& Training::refusals() const { return impl_->refusals; }
std::vector<std::string> Training::parameter_names() const {
  std::vector<std::string> names;
  for (const auto& info : impl_->pass->parameters()) names.push_back(info.name);
  return names;
}
int64_t Training::steps_per_epoch() const { return impl_->steps_per_epoch; }
bool Training::has_accuracy() const { return impl_->loss->has_accuracy(); }
bool Training::quantities_are_of_evaluation_mode() const { return impl_->pass->couples_samples(); }
std::string Training::optimizer_name() const { return impl_->runner->optimizer_name(); }

TrainingResult Training::run(TrainingObserver& observer) {
  Impl& run = *impl_;
  TrainingResult result;
  result.curves.has_accuracy = has_accuracy();
  HeldStep step(*run.pass, run.experiment, run.watched, run.wanted, observer);
  const int64_t epochs = run.settings.loop.epochs;
  run.evaluate_all(0, observer, result);
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    run.set_rate(epoch, observer);
    run.train_epoch(epoch, step, observer, result);
    if (result.divergence) {
      result.curves.fill_after_divergence(epoch, epochs);
      return result;
    }
    run.evaluate_all(epoch + 1, observer, result);
  }
  const EpochEvaluation& last = result.curves.epochs.back();
  if (epochs > 0 &&
      !(std::isfinite(last.train.loss) && std::isfinite(last.valid.loss) && std::isfinite(last.test.loss)))
    result.divergence = Divergence{epochs - 1, run.steps_per_epoch - 1, run.steps_done - 1};
  return result;
}

}  // namespace backobs
