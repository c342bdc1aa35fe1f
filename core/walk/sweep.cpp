// SPDX-License-Identifier: MIT
#include "walk/sweep.h"

#include "network/mixed_residual.h"
#include "walk/channel_pairs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace backobs {
namespace {

void add_param_residual(const LayerRule& rule, const LayerIO& io, const std::string& local_name, const Tensor& grad,
                        const TilePosition& tile, ParameterQuantities& quantities) {
  if (rule.form(local_name) != ParamForm::general) return;  // affine maps are linear in their parameters
  const auto residual = rule.param_residual(io, local_name, grad);
  if (!residual.empty()) quantities.add_residual(columns_of(residual).front(), tile);
}

/// The averaged curvature at a node that the loss does not depend on, [D, D].
Tensor zero_matrix(const LayerIO& io) {
  const auto features = io.output.numel() / io.output.size(0);
  return at::zeros({}, io.output.options()).expand({features, features});
}

}  // namespace

Sweep::Sweep(const Network& network, const WalkPlan& plan, const Tape& tape,
             std::vector<ParameterQuantities>& quantities, TilePosition samples)
    : network_(network), plan_(plan), tape_(tape), quantities_(quantities), samples_(samples),
      averaged_(network.nodes().size()) {}

void Sweep::start(const ColumnSource& source) {
  Live live{source.key, std::vector<Columns>(network_.nodes().size()), source.first, source.count, source.total,
            source.parameter};
  for (const auto& [node, columns] : source.at)
    if (plan_.wanted[node] && columns.defined()) live.at[node] = add(live.at[node], columns);
  if (source.parameter >= 0)
    quantities_[static_cast<std::size_t>(source.parameter)].add_own(source.key, source.own, source.at.front().second.signs,
                                                                    samples_, live_.size());
  live_.push_back(std::move(live));
}

void Sweep::start_averaged(const TensorList& mats) {
  for (std::size_t i = 0; i < mats.size(); ++i) averaged_[network_.outputs()[i]] = mats[i];
  carries_averaged_ = true;
}

void Sweep::run() {
  for (NodeId node = network_.last(); node >= 0 && network_.nodes()[node].rule; --node) {
    if (plan_.wanted[node]) walk_through(node);
    for (auto& live : live_) live.at[node] = {};
    if (spent_) spent_->release(node);
    if (complete_)
      for (const auto& use : plan_.parameters_at[node])
        if (use.last) complete_(use.parameter);
  }
}

void Sweep::walk_through(NodeId node) {
  const auto io = tape_.io(node, samples_.first_sample, samples_.samples);
  if (!plan_.parameters_at[node].empty()) put_zeros(node, io);
  visit_parameters(node, io);
  if (plan_.reached[node] && any_input_wanted(node)) {
    // The residual first: it reads the gradient at this node, which moving releases.
    if (const auto* grad = gradient_at(node); grad && plan_.has(SignalKey::Kind::hessian_residuals)) {
      const auto bare = (*grad)[0];  // starting a source moves the signals in memory
      add_residual(node, io, bare);
      add_mixed_residuals(node, io, bare);
    }
    move_columns(node, io);
  }
  move_averaged(node, io);
}

/// Nothing comes from the loss to a node that it does not depend on. Parameters there read zeros, so that they have every
/// value that others have.
void Sweep::put_zeros(NodeId node, const LayerIO& io) {
  auto shape = io.output.sizes().vec();
  shape.insert(shape.begin(), 1);
  for (auto& live : live_) {
    if (live.at[node].defined() || live.key == SignalKey::hessian_residuals()) continue;
    shape[0] = live.count;
    live.at[node].dense = at::zeros(shape, io.output.options());
  }
}

bool Sweep::any_input_wanted(NodeId node) const {
  for (const auto input : network_.nodes()[node].inputs)
    if (plan_.wanted[input]) return true;
  return false;
}

const Tensor* Sweep::gradient_at(NodeId node) const {
  for (const auto& live : live_)
    if (live.key == SignalKey::gradient() && live.at[node].defined()) return &live.at[node].dense;
  return nullptr;
}

TilePosition Sweep::position(const Live& live, const Columns& columns, TilePosition position) const {
  position.first_column = live.first;
  position.columns = columns.dense.defined() ? columns.dense.size(0) : columns.count;
  return position;
}

std::vector<Arrival> Sweep::arrivals_at(NodeId node, const LayerIO& io) const {
  std::vector<Arrival> arrivals;
  for (std::size_t source = 0; source < live_.size(); ++source) {
    const auto& live = live_[source];
    const auto& columns = live.at[node];
    if (columns.defined())
      arrivals.emplace_back(*network_.nodes()[node].rule, io, live.key, columns, position(live, columns, samples_), live.total, source);
  }
  return arrivals;
}

void Sweep::visit_parameters(NodeId node, const LayerIO& io) {
  const auto& rule = *network_.nodes()[node].rule;
  auto arrivals = arrivals_at(node, io);
  for (const auto& use : plan_.parameters_at[node]) {
    auto& quantities = quantities_[use.parameter];
    for (auto& arrival : arrivals)
      if (live_[arrival.source].is_read_by(use.parameter))
        quantities.add(use.local_name, arrival);
    if (take_block_)
      for (const auto& group : plan_.block_groups[use.parameter]) visit_in_blocks(node, use, group);
    if (use.last) quantities.end_uses();
    if (collects_inputs_) quantities.add_input(rule, io, samples_.of.batch_size);
    if (averaged_[node].defined())
      quantities.add_averaged(rule, io, use.local_name, averaged_[node], samples_.of.batch_size);
    if (carries_averaged_ && !plan_.reached[node])
      quantities.add_averaged(rule, io, use.local_name, zero_matrix(io), samples_.of.batch_size);
    quantities.release_input();
  }
  if (const auto* grad = gradient_at(node); grad && plan_.has(SignalKey::Kind::hessian_residuals))
    add_param_residuals(node, io, (*grad)[0]);
}

/// V of all live columns of a signal.
int64_t Sweep::total_of(const SignalKey& key) const {
  int64_t total = 0;
  for (const auto& live : live_)
    if (live.key == key) total += live.total;
  return total;
}

/// Rows of the parameter's size that are formed of each sample for the group.
int64_t Sweep::rows_per_sample(const BlockGroup& group) const {
  int64_t rows = 0;
  for (const auto& need : group.needs)
    rows += need.what == Need::What::columns ? total_of(need.signal) : need.what == Need::What::sample_squares;
  return std::max<int64_t>(rows, 1);
}

/// As many samples as fit into a block with all their columns; of one that does not fit, as many columns as do.
void Sweep::visit_in_blocks(NodeId node, const WalkPlan::ParameterAtNode& use, const BlockGroup& group) {
  const auto all = group.blocks == Blocks::columns ? total_of(group.needs.begin()->signal) : 1;
  const auto rows = block_bytes_ / std::max<int64_t>(quantities_[use.parameter].bytes(), 1);
  const auto samples = std::clamp<int64_t>(rows / rows_per_sample(group), 1, samples_.samples);
  const auto columns = std::clamp<int64_t>(rows, 1, all);
  for (int64_t n = 0; n < samples_.samples; n += samples)
    for (int64_t v = 0; v < all; v += columns)
      visit_block(node, use, group, {n, std::min(samples, samples_.samples - n), v, std::min(columns, all - v)});
}

void Sweep::visit_block(NodeId node, const WalkPlan::ParameterAtNode& use, const BlockGroup& group, const Block& part) {
  const auto& rule = *network_.nodes()[node].rule;
  const auto io = tape_.io(node, samples_.first_sample + part.first_sample, part.samples);
  const TilePosition alone{0, part.samples, {part.samples, samples_.of.batch_size}, 0, 0};
  auto block = quantities_[use.parameter].of_block(group.needs, part.samples);
  for (std::size_t source = 0; source < live_.size(); ++source) {
    const auto& live = live_[source];
    if (!live.at[node].defined() || !live.is_read_by(use.parameter) || !block.reads_columns(live.key)) continue;
    auto columns = narrow_samples(live.at[node], part.first_sample, part.samples);
    if (group.blocks == Blocks::columns) columns = narrow(columns, part.first_column, part.columns);
    Arrival arrival(rule, io, live.key, columns, position(live, columns, alone),
                    group.blocks == Blocks::columns ? part.columns : live.total, source);
    block.add(use.local_name, arrival);
  }
  if (const auto* grad = gradient_at(node); grad && block.reads_columns(SignalKey::hessian_residuals()))
    add_param_residual(rule, io, use.local_name, (*grad)[0].narrow(0, part.first_sample, part.samples), alone, block);
  block.finish_block();
  take_block_(use.parameter, group, block, part.samples);
}

void Sweep::add_param_residuals(NodeId node, const LayerIO& io, const Tensor& grad) {
  for (const auto& use : plan_.parameters_at[node])
    add_param_residual(*network_.nodes()[node].rule, io, use.local_name, grad, samples_, quantities_[use.parameter]);
}

void Sweep::move_columns(NodeId node, const LayerIO& io) {
  const auto& [name, rule, inputs, shape] = network_.nodes()[node];
  for (auto& live : live_) {
    if (!live.at[node].defined()) continue;
    const auto pulled = pull_back(*rule, io, std::exchange(live.at[node], {}));
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (plan_.wanted[inputs[i]]) live.at[inputs[i]] = add(live.at[inputs[i]], pulled[i]);
  }
}

void Sweep::add_residual(NodeId node, const LayerIO& io, const Tensor& grad) {
  const auto& [name, rule, inputs, shape] = network_.nodes()[node];
  if (!rule->is_curved()) return;
  const auto residual = rule->residual(io, grad);
  if (residual.empty()) return;
  ColumnSource source;
  source.key = SignalKey::hessian_residuals();
  source.count = column_count(residual);
  const auto columns = columns_of(residual);
  for (std::size_t i = 0; i < inputs.size(); ++i) source.at.emplace_back(inputs[i], columns[i]);
  begin_or_divert(std::move(source));
}

/// A parameter that is used here and further down: its Hessian has second derivatives of this layer in both its input,
/// which the parameter moves too, and the parameter.
void Sweep::add_mixed_residuals(NodeId node, const LayerIO& io, const Tensor& grad) {
  const auto& [name, rule, inputs, shape] = network_.nodes()[node];
  for (const auto& use : plan_.parameters_at[node]) {
    if (use.last || !quantities_[use.parameter].reads_columns(SignalKey::hessian_residuals())) continue;
    const auto mixed = mixed_residual(*rule, io, use.local_name, grad);
    if (mixed.empty()) continue;
    ColumnSource source;
    source.key = SignalKey::hessian_residuals();
    source.count = mixed.signs.size(0);
    source.parameter = static_cast<int64_t>(use.parameter);
    source.own = mixed.parameter;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Columns columns;
      columns.dense = mixed.inputs[i];
      columns.signs = mixed.signs;
      source.at.emplace_back(inputs[i], columns);
    }
    begin_or_divert(std::move(source));
  }
}

void Sweep::begin_or_divert(ColumnSource source) {
  if (diverted_) diverted_->push_back(std::move(source));
  else start(source);
}

/// M <- (1/N) sum_n J_n^T M J_n.
void Sweep::move_averaged(NodeId node, const LayerIO& io) {
  const auto mat = std::exchange(averaged_[node], Tensor());
  if (!mat.defined()) return;
  const auto& [name, rule, inputs, shape] = network_.nodes()[node];
  if (plan_.channel_pairs[node].bottom >= 0) move_averaged_by_channel_pairs(node, mat);
  else if (inputs.size() == 1 && plan_.averaged_wanted[inputs[0]])
    averaged_[inputs[0]] = rule->sum_jac_t_mat_jac(io, mat).div_(static_cast<double>(samples_.of.batch_size));
}

/// The last stretch of the way, where the factor is all that is wanted and no layer mixes channels.
void Sweep::move_averaged_by_channel_pairs(NodeId node, const Tensor& mat) {
  const auto& [bottom, channels] = plan_.channel_pairs[node];
  std::vector<ChannelPairMap> layers;
  for (auto at = node; at != bottom; at = network_.nodes()[at].inputs[0])
    layers.push_back(channel_pair_map(*network_.nodes()[at].rule, tape_.io(at, samples_.first_sample, samples_.samples)));
  const auto sums = summed_over_positions(mat, layers, channels, samples_.of.batch_size);
  const auto groups = dynamic_cast<const PositionsLastRule&>(*network_.nodes()[bottom].rule).groups();
  for (const auto& use : plan_.parameters_at[bottom]) quantities_[use.parameter].set_averaged(sums, groups);
}

}  // namespace backobs
