// SPDX-License-Identifier: MIT
#include "walk/pass.h"

#include "network/tape.h"
#include "walk/micro_batch.h"
#include "walk/plan.h"
#include "walk/sweep.h"
#include "walk/tiles.h"
#include "walk/visit.h"

#include <backobs/error.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <tuple>

namespace backobs {
namespace {

/// Called for each parameter when the extensions have seen it.
using Visited = std::function<void(std::size_t, const ParameterQuantities&)>;

/// The gradients of all parameters, set aside while it lives; whatever is thrown meanwhile, they come back.
class GradientsAside {
 public:
  GradientsAside(const Network& network, const std::vector<ParameterInfo>& infos) {
    for (const auto& info : infos) {
      parameters_.push_back(network.parameter(info.name).value);
      gradients_.push_back(parameters_.back().grad());
      parameters_.back().mutable_grad() = Tensor();
    }
  }
  ~GradientsAside() {
    for (std::size_t p = 0; p < gradients_.size(); ++p) put_back(p);
  }
  GradientsAside(const GradientsAside&) = delete;
  GradientsAside& operator=(const GradientsAside&) = delete;

  void put_back(std::size_t p) { parameters_[p].mutable_grad() = gradients_[p]; }

 private:
  TensorList parameters_, gradients_;
};

}  // namespace

struct Pass::Impl {
  const Network& network;
  std::shared_ptr<const LossRule> loss;
  PassSettings settings;
  std::vector<ParameterInfo> infos;
  std::vector<std::vector<int64_t>> shapes;
  std::map<int64_t, std::list<WalkPlan>> plans;      ///< by N, one per set of extensions seen; a campaign has a handful
  std::set<std::tuple<bool, bool, int64_t>> probed;  ///< (training, frozen, N) whose samples were found independent
  std::vector<std::weak_ptr<HeldBlock>> blocks;  ///< given out in the last pass

  Impl(const Network& net, std::shared_ptr<const LossRule> rule, PassSettings s)
      : network(net), loss(std::move(rule)), settings(std::move(s)), infos(describe_parameters()), shapes(net.sample_shapes()) {}

  std::vector<ParameterInfo> describe_parameters() const;
  const WalkPlan& plan_for(const std::vector<ExtensionInstance>& extensions, int64_t batch_size);
  double penalty() const;
  LossIO loss_io(const TensorList& outputs, const Batch& batch, int64_t batch_size) const;
  bool couples_samples(const ForwardContext& context) const;
  void refuse_coupling(const Tape& tape, const ForwardContext& context, int64_t batch_size);
  Evaluation evaluation(const LossIO& io, const Tensor& contributions, double penalty_share) const;
  std::vector<ParameterQuantities> quantities_of(const std::vector<std::set<Need>>& needs, const SampleCount& count) const;
  void walk_gradient(const Tape& tape, const LossIO& io, const PassInfo& info, std::vector<ParameterQuantities>& quantities);
  TensorList gradients(const Tape& tape, const LossIO& io, const PassInfo& info);
  void release_blocks();
  void walk(const WalkPlan& plan, Tape& tape, const LossIO& io, const PassInfo& info, const Tiling& tiling,
            const ResultSink& sink, const Visited& visited = {});
  PassOutcome training_pass(const Batch& batch, const PassInfo& info, const ForwardContext& context, const WalkPlan& plan,
                            const ResultSink& sink);
  void frozen_pass(const Batch& batch, const PassInfo& info, ForwardContext context, const WalkPlan& plan,
                   const ResultSink& sink);
};

std::vector<ParameterInfo> Pass::Impl::describe_parameters() const {
  std::vector<ParameterInfo> result;
  for (const auto& parameter : network.parameters()) {
    if (!parameter.trainable()) continue;
    const auto& use = parameter.uses.front();
    const auto& node = network.nodes()[use.node];
    const bool regularised = settings.is_regularised && settings.is_regularised(parameter.name);
    result.push_back({parameter.name, parameter.value.sizes().vec(), node.name, node.rule->type(),
                      node.rule->form(use.local_name), parameter.uses.size() > 1, regularised ? settings.l2_reg : 0});
  }
  return result;
}

const WalkPlan& Pass::Impl::plan_for(const std::vector<ExtensionInstance>& extensions, int64_t batch_size) {
  const auto same = [&](const WalkPlan& plan) {
    return std::equal(plan.extensions.begin(), plan.extensions.end(), extensions.begin(), extensions.end(),
                      [](auto& a, auto& b) { return a.extension == b.extension && a.name == b.name && a.blocks == b.blocks; });
  };
  auto& known = plans[batch_size];
  for (const auto& plan : known)
    if (same(plan)) return plan;
  known.push_back(make_plan(network, infos, extensions, shapes, batch_size, settings.tiling));
  return known.back();
}

/// (lambda/2) sum of |w|^2.
double Pass::Impl::penalty() const {
  double sum = 0;
  for (const auto& info : infos)
    if (info.penalty != 0) sum += info.penalty / 2 * network.parameter(info.name).value.square().sum().item<double>();
  return sum;
}

LossIO Pass::Impl::loss_io(const TensorList& outputs, const Batch& batch, int64_t batch_size) const {
  LossIO io{outputs, batch.targets, batch_size, 1, {}};
  io.divisor = loss->divisor(io);
  return io;
}

Evaluation Pass::Impl::evaluation(const LossIO& io, const Tensor& contributions, double penalty_share) const {
  Evaluation result;
  result.loss = contributions.sum(at::kDouble).item<double>() + penalty_share;
  if (loss->has_accuracy())
    result.accuracy = loss->hits(io).sum().item<double>() / static_cast<double>(io.batch_size);
  return result;
}

bool Pass::Impl::couples_samples(const ForwardContext& context) const {
  return std::any_of(network.nodes().begin(), network.nodes().end(),
                     [&](const Node& node) { return node.rule && node.rule->couples_samples(context); });
}

void Pass::Impl::refuse_coupling(const Tape& tape, const ForwardContext& context, int64_t batch_size) {
  const auto key = std::make_tuple(context.training, context.frozen_normalisation, batch_size);
  if (probed.count(key)) return;
  auto here = context;
  for (NodeId node = 0; node <= network.last(); ++node) {
    here.node = network.nodes()[node].name;
    if (network.nodes()[node].rule) tape.layer(node).refuse_coupling(here);
  }
  probed.insert(key);
}

std::vector<ParameterQuantities> Pass::Impl::quantities_of(const std::vector<std::set<Need>>& needs, const SampleCount& count) const {
  std::vector<ParameterQuantities> quantities;
  quantities.reserve(infos.size());
  for (std::size_t p = 0; p < infos.size(); ++p)
    quantities.emplace_back(infos[p], network.parameter(infos[p].name).value, needs[p],
                            settings.penalty_in_quantities, count);
  return quantities;
}

/// The gradient before the tiles of a walk: of the whole batch at once, as without extensions, so that its last bits do not
/// depend on which of them are there.
void Pass::Impl::walk_gradient(const Tape& tape, const LossIO& io, const PassInfo& info,
                               std::vector<ParameterQuantities>& quantities) {
  for (auto& one : quantities) one.take_gradient_alone();
  walk_tiles({network, plan_for({}, io.samples()), tape, *loss, io, info, shapes, {io.samples(), 1}}, quantities, [](std::size_t) {});
  for (auto& one : quantities) one.take_all_but_the_gradient();
}

/// A walk of the gradient alone, for products with it: [1, *p] by parameter, as visits see it.
TensorList Pass::Impl::gradients(const Tape& tape, const LossIO& io, const PassInfo& info) {
  const auto& plan = plan_for({}, io.samples());
  auto quantities = quantities_of(plan.needs_of_parameter, {io.samples(), info.batch_size});
  TensorList result(infos.size());
  walk_tiles({network, plan, tape, *loss, io, info, shapes, {io.samples(), 1}}, quantities, [&](std::size_t p) {
    quantities[p].finish();
    result[p] = quantities[p].value({Need::What::sum, SignalKey::gradient()}).clone().unsqueeze(0);
  });
  return result;
}

void Pass::Impl::release_blocks() {
  for (const auto& block : blocks)
    if (const auto held = block.lock()) held->release();
  blocks.clear();
}

/// For the extensions. With one tile the tape is released on the way: nobody reads it afterwards.
void Pass::Impl::walk(const WalkPlan& plan, Tape& tape, const LossIO& io, const PassInfo& info, const Tiling& tiling,
                      const ResultSink& sink, const Visited& visited) {
  const WalkInput in{network, plan, tape, *loss, io, info, shapes, tiling, &tape};
  const bool in_blocks = plan.has_blocks() && choose_tile(in).one_sweep;
  auto quantities = quantities_of(in_blocks ? plan.whole_needs : plan.needs_of_parameter, {io.samples(), info.batch_size});
  for (const auto& one : quantities)
    for (const auto& block : one.blocks()) blocks.push_back(block);
  Visits visits(plan, infos, network, info, io.samples(), sink);
  visits.begin();
  visits.give_vectors(plan.reads_gradient_vectors() ? gradients(tape, io, info) : TensorList{}, quantities);
  if (choose_tile(in).samples < io.samples()) walk_gradient(tape, io, info, quantities);
  const auto take_block = [&](std::size_t p, const BlockGroup& group, const ParameterQuantities& block, int64_t samples) {
    visits.visit_block(p, group, block, samples);
  };
  const auto complete = [&](std::size_t p) {
    quantities[p].finish();
    visits.visit(p, quantities[p], in_blocks);
    if (visited) visited(p, quantities[p]);
    quantities[p].clear();
  };
  walk_tiles(in, quantities, complete, in_blocks ? Sweep::TakeBlock(take_block) : Sweep::TakeBlock());
  visits.end();
}

/// The pass as the runner means it. A walk of the gradient alone is not cut into tiles: it needs little memory, and
/// coupled samples cannot be parted.
PassOutcome Pass::Impl::training_pass(const Batch& batch, const PassInfo& info, const ForwardContext& context,
                                      const WalkPlan& plan, const ResultSink& sink) {
  const bool coupled = couples_samples(context);
  Tape tape(network, batch.inputs, context);
  if (!plan.extensions.empty() && !coupled) refuse_coupling(tape, context, batch.size);
  auto io = loss_io(tape.outputs(), batch, info.batch_size);
  const auto contributions = loss->contributions(io);

  PassOutcome outcome;
  const double whole = penalty();
  outcome.evaluation = evaluation(io, contributions, whole * SampleCount{batch.size, info.batch_size}.share());
  outcome.output = tape.output(0);
  outcome.individual_loss = loss->individual(io, contributions);
  if (whole != 0)
    outcome.individual_loss = outcome.individual_loss +
        (loss->reduction() == LossReduction::mean ? whole : whole / static_cast<double>(io.batch_size));
  const bool undivided = coupled || plan.extensions.empty();
  walk(plan, tape, io, info, undivided ? Tiling{io.samples(), 1} : settings.tiling, sink);
  return outcome;
}

/// The same batch, masks and noise with running statistics, for the extensions. Its gradient, as the extensions see it,
/// goes to the sink as grad_eval, and the training gradient stays in grad().
void Pass::Impl::frozen_pass(const Batch& batch, const PassInfo& info, ForwardContext context, const WalkPlan& plan,
                             const ResultSink& sink) {
  context.frozen_normalisation = true;
  Tape tape(network, batch.inputs, context);
  refuse_coupling(tape, context, batch.size);
  auto io = loss_io(tape.outputs(), batch, info.batch_size);
  loss->contributions(io);
  GradientsAside training(network, infos);
  walk(plan, tape, io, info, settings.tiling, sink, [&](std::size_t p, const ParameterQuantities& quantities) {
    if (sink) sink("grad_eval", infos[p].name, {{quantities.value({Need::What::sum, SignalKey::gradient()}).clone()}, false});
    training.put_back(p);
  });
}

Pass::Pass(const Network& network, std::shared_ptr<const LossRule> loss, PassSettings settings)
    : impl_(std::make_unique<Impl>(network, std::move(loss), std::move(settings))) {}
Pass::~Pass() { impl_->release_blocks(); }

const std::vector<ParameterInfo>& Pass::parameters() const { return impl_->infos; }

std::vector<Refusal> Pass::refusals(const std::vector<ExtensionInstance>& extensions, int64_t batch_size) const {
  return make_plan(impl_->network, impl_->infos, extensions, impl_->shapes, batch_size, impl_->settings.tiling)
      .refusals;
}

Evaluation Pass::evaluate(const Batch& batch, const ForwardContext& context) const {
  at::NoGradGuard no_grad;
  auto io = impl_->loss_io(run_forward(impl_->network, batch.inputs, context), batch, batch.size);
  const auto contributions = impl_->loss->contributions(io);
  return impl_->evaluation(io, contributions, impl_->penalty());
}

PassOutcome Pass::run(const Batch& batch, const PassInfo& info, bool training,
                      const std::vector<ExtensionInstance>& extensions, const ResultSink& sink) {
  at::NoGradGuard no_grad;
  if (batch.size > info.batch_size)
    throw ComputeError("pass at step " + std::to_string(info.step), std::to_string(batch.size) + " samples of a mini-batch of " +
                       std::to_string(info.batch_size), "a mini-batch or a part of it");
  impl_->release_blocks();
  const ForwardContext context{training, false, info.random, {}};
  const bool coupled = impl_->couples_samples(context);
  const auto& plan = impl_->plan_for(extensions, batch.size);
  if (const SampleCount count{batch.size, info.batch_size}; !count.whole()) {
    if (coupled) refuse_coupled_part(count, info.step);
    refuse_what_does_not_add_up(plan, count, info.step);
  }
  if (extensions.empty() || !plan.coupled_node.empty() || !coupled)
    return impl_->training_pass(batch, info, context, plan, sink);
  auto outcome = impl_->training_pass(batch, info, context, impl_->plan_for({}, batch.size), {});
  impl_->frozen_pass(batch, info, context, impl_->plan_for(extensions, batch.size), sink);
  outcome.evaluation_statistics = true;
  return outcome;
}

bool Pass::couples_samples() const {
  ForwardContext training;
  training.training = true;
  return impl_->couples_samples(training);
}

}  // namespace backobs
