// SPDX-License-Identifier: MIT
#include "walk/plan.h"

#include "network/channelwise.h"
#include "network/features.h"
#include "walk/legality.h"

#include <algorithm>
#include <functional>

namespace backobs {
namespace {

/// With fewer, kernels that take columns side by side wait for memory.
constexpr int64_t kFewColumns = 4;
/// Budgets that one sweep may take where several would hold more than they spare: values of all samples and columns, without blocks.
constexpr int64_t kOneSweep = 4;

/// The size of parts of about one size, none larger than `most`.
int64_t even_part(int64_t whole, int64_t most) {
  const auto part = std::clamp<int64_t>(most, 1, std::max<int64_t>(whole, 1)), parts = (whole + part - 1) / part;
  return parts > 0 ? (whole + parts - 1) / parts : part;
}

/// By node: whether a parameter of the wanted kind is at the node or at something it reads.
std::vector<bool> reach(const Network& network, const std::vector<std::vector<WalkPlan::ParameterAtNode>>& at,
                        const std::function<bool(std::size_t)>& counts) {
  std::vector<bool> wanted(network.nodes().size());
  for (NodeId id = 0; id <= network.last(); ++id) {
    for (const auto input : network.nodes()[id].inputs) wanted[id] = wanted[id] || wanted[input];
    for (const auto& use : at[id]) wanted[id] = wanted[id] || counts(use.parameter);
  }
  return wanted;
}

/// By node: the widest node between it and the loss, itself included.
std::vector<int64_t> widest(const Network& network, const std::vector<std::vector<int64_t>>& shapes) {
  std::vector<int64_t> result(shapes.size());
  for (NodeId id = network.last(); id >= 0; --id) {
    result[id] = std::max(result[id], features(shapes[id]));
    for (const auto input : network.nodes()[id].inputs) result[input] = std::max(result[input], result[id]);
  }
  return result;
}

/// The first node whose samples stay coupled although normalisation is frozen: it has no running statistics.
std::string coupled_node(const Network& network) {
  ForwardContext frozen;
  frozen.training = frozen.frozen_normalisation = true;
  for (const auto& node : network.nodes())
    if (node.rule && node.rule->couples_samples(frozen)) return "`" + node.name + "` (" + node.rule->type() + ")";
  return {};
}

/// By node: the node from which averaged curvature reaches it channel pair by channel pair, itself where it does not. Such
/// is a convolution with no parameter below and only layers above that keep channels apart.
std::vector<NodeId> channel_pair_tops(const Network& network, const WalkPlan& plan,
                                      const std::vector<std::vector<int64_t>>& shapes) {
  std::vector<NodeId> tops(network.nodes().size()), reader(network.nodes().size(), -1);
  for (NodeId id = 0; id <= network.last(); ++id) {
    tops[id] = id;
    for (const auto input : network.nodes()[id].inputs) reader[input] = id;
  }
  for (NodeId id = 0; id <= network.last(); ++id) {
    const auto& node = network.nodes()[id];
    if (!dynamic_cast<const PositionsLastRule*>(node.rule.get()) || shapes[id].size() < 2) continue;
    if (plan.parameters_at[id].empty() || plan.wanted[node.inputs[0]]) continue;
    for (auto above = reader[id]; above >= 0 && network.fan_out(tops[id]) == 1; above = reader[above]) {
      const auto& layer = network.nodes()[above];
      if (layer.inputs.size() != 1 || !keeps_channels_apart(*layer.rule) || !plan.parameters_at[above].empty()) break;
      if (shapes[above].size() < 2 || shapes[above][0] != shapes[id][0]) break;
      tops[id] = above;
    }
  }
  return tops;
}

/// Whether some need of some extension is such.
template <typename Predicate>
bool any_need(const std::vector<ExtensionInstance>& extensions, const Predicate& is_such) {
  return std::any_of(extensions.begin(), extensions.end(), [&](const ExtensionInstance& instance) {
    const auto needs = instance.extension->needs();
    return std::any_of(needs.begin(), needs.end(), is_such);
  });
}

/// Entries of the largest parameter whose columns are written out, a tile's together: of a weight and a bias with one use what
/// is wanted is formed without them, and of others too where nobody reads more than the gradient.
int64_t widest_columns(const std::vector<ParameterInfo>& parameters, const std::vector<ExtensionInstance>& extensions) {
  const bool read = any_need(extensions, [](const Need& need) { return need.what != Need::What::input_factor; });
  int64_t widest = 0;
  for (const auto& parameter : parameters)
    if (read && (parameter.shared || (parameter.form != ParamForm::weight && parameter.form != ParamForm::bias)))
      widest = std::max(widest, features(parameter.shape));
  return widest;
}

/// Whether somebody reads blocks, or of curvature single columns or squares of single samples.
bool reads_single_ones(const std::vector<ExtensionInstance>& extensions) {
  const auto in_blocks = [](const ExtensionInstance& instance) { return instance.blocks != Blocks::none; };
  return std::any_of(extensions.begin(), extensions.end(), in_blocks) || any_need(extensions, [](const Need& need) {
    return !(need.signal == SignalKey::gradient()) && (need.what == Need::What::columns || need.what == Need::What::sample_squares);
  });
}

void place_parameters(const Network& network, const std::vector<ParameterInfo>& infos, WalkPlan& plan) {
  plan.parameters_at.resize(network.nodes().size());
  for (std::size_t p = 0; p < infos.size(); ++p) {
    const auto& uses = network.parameter(infos[p].name).uses;
    const auto lowest = std::min_element(uses.begin(), uses.end(), [](auto& a, auto& b) { return a.node < b.node; });
    for (const auto& use : uses)
      plan.parameters_at[use.node].push_back({p, use.local_name, &use == &*lowest});
  }
}

/// Fills the plan of one pass.
class Planner {
 public:
  Planner(const Network& network, const std::vector<ParameterInfo>& parameters,
          const std::vector<std::vector<int64_t>>& shapes, int64_t batch_size)
      : network_(network), parameters_(parameters), shapes_(shapes), batch_size_(batch_size),
        averaged_refusals_(averaged_curvature_refusals(network)), widest_to_(widest(network, shapes)) {
    for (const auto output : network.outputs()) loss_columns_ += features(shapes[output]);
    if (!parameters.empty()) element_bytes_ = network.parameter(parameters[0].name).value.element_size();
  }

  WalkPlan plan(const std::vector<ExtensionInstance>& extensions, const Tiling& tiling) {
    plan_.extensions = extensions;
    describe_network();
    plan_.widest_columns = widest_columns(parameters_, extensions);
    plan_.columns_add_up = !reads_single_ones(extensions) && !holds_dense_residuals(extensions);
    tile_ = expected_tile(extensions, tiling);
    for (const auto& instance : extensions) add(instance);
    plan_.signals.erase(SignalKey::gradient());
    place_averaged_curvature();
    return std::move(plan_);
  }

 private:
  using Reason = std::optional<std::string>;

  void describe_network() {
    plan_.needs_of_parameter.resize(parameters_.size());
    plan_.block_groups.resize(parameters_.size());
    plan_.whole_needs.resize(parameters_.size());
    place_parameters(network_, parameters_, plan_);
    plan_.coupled_node = coupled_node(network_);
    plan_.reached = reached_by_the_loss(network_);
    plan_.wanted = reach(network_, plan_.parameters_at, [](std::size_t) { return true; });
    tops_ = channel_pair_tops(network_, plan_, shapes_);
  }

  /// The tile that the walk will choose, but that signals which are refused later count here.
  TileSize expected_tile(const std::vector<ExtensionInstance>& extensions, const Tiling& tiling) const {
    std::set<SignalKey> signals;
    for (const auto& instance : extensions)
      for (const auto& need : instance.extension->needs()) signals.insert(need.signal);
    const auto widest = std::max(widest_node(shapes_), plan_.widest_columns);
    const auto columns = most_columns(network_, signals, plan_.wanted, shapes_, loss_columns_);
    return tile_for(tiling, batch_size_, {columns, widest, element_bytes_, plan_.columns_add_up});
  }

  /// Columns of residuals that are no diagonals are formed for all samples of a tile before they are split.
  bool holds_dense_residuals(const std::vector<ExtensionInstance>& extensions) const {
    if (!any_need(extensions, [](const Need& need) { return need.signal == SignalKey::hessian_residuals(); })) return false;
    const auto is_dense = [](const Node& node) { return node.rule && node.rule->is_curved() && !node.rule->is_pointwise(); };
    const auto is_shared = [](const ParameterInfo& parameter) { return parameter.shared; };
    const auto& nodes = network_.nodes();
    return std::any_of(nodes.begin(), nodes.end(), is_dense) || std::any_of(parameters_.begin(), parameters_.end(), is_shared);
  }

  void add(const ExtensionInstance& instance) {
    const auto needs = instance.extension->needs();
    plan_.needs_of_extension.emplace_back(needs.begin(), needs.end());
    plan_.visits.emplace_back(parameters_.size(), true);
    plan_.in_blocks.emplace_back(parameters_.size(), false);
    std::vector<Blocks> blocks(parameters_.size(), Blocks::none);
    std::vector<ParameterInfo> held;
    for (std::size_t p = 0; p < parameters_.size(); ++p) {
      if (tile_.one_sweep) blocks[p] = blocks_at(instance, parameters_[p], needs);
      if (blocks[p] == Blocks::none) held.push_back(parameters_[p]);
    }
    const auto too_much_together = refusal_of_all_together(needs, held);
    for (std::size_t p = 0; p < parameters_.size(); ++p) {
      auto reason = refusal_at(instance, needs, p, blocks[p]);
      if (!reason && blocks[p] == Blocks::none) reason = too_much_together;
      if (reason)
        refuse(instance, p, *reason);
      else
        visit(needs, p, blocks[p]);
    }
  }

  Reason refusal_of_all_together(const std::vector<Need>& needs, const std::vector<ParameterInfo>& held) const {
    if (tile_.one_sweep && tile_.samples == batch_size_) return {};
    for (const auto& need : needs)
      if (auto reason = refusal_in_tiles(need, held, loss_columns_, batch_size_, element_bytes_)) return reason;
    return {};
  }

  Reason refusal_at(const ExtensionInstance& instance, const std::vector<Need>& needs, std::size_t p, Blocks blocks) const {
    if (auto reason = instance.extension->refuses(parameters_[p])) return reason;
    if (!plan_.coupled_node.empty() && !needs.empty())
      return "samples are coupled at " + plan_.coupled_node + ", which has no running statistics to evaluate with";
    const auto node = network_.parameter(parameters_[p].name).uses.front().node;
    const NeedContext context{parameters_[p], averaged_refusals_[node], widest_to_[tops_[node]],
                              loss_columns_,  batch_size_, blocks,     element_bytes_};
    for (const auto& need : needs)
      if (auto reason = refusal(need, context)) return reason;
    return {};
  }

  void refuse(const ExtensionInstance& instance, std::size_t p, const std::string& reason) {
    plan_.refusals.push_back({instance.name, parameters_[p].name, reason});
    plan_.visits.back()[p] = false;
  }

  void visit(const std::vector<Need>& needs, std::size_t p, Blocks blocks) {
    plan_.in_blocks.back()[p] = blocks != Blocks::none;
    plan_.needs_of_parameter[p].insert(needs.begin(), needs.end());
    if (blocks == Blocks::none) plan_.whole_needs[p].insert(needs.begin(), needs.end());
    else join_group(plan_.block_groups[p], blocks, needs, plan_.visits.size() - 1);
    for (const auto& need : needs)
      if (need.what != Need::What::input_factor) plan_.signals.insert(need.signal);
  }

  void place_averaged_curvature() {
    const Need factor{Need::What::output_factor, SignalKey::averaged_curvature()};
    plan_.averaged_wanted = reach(network_, plan_.parameters_at,
                                  [&](std::size_t p) { return plan_.needs_of_parameter[p].count(factor) > 0; });
    plan_.channel_pairs.resize(network_.nodes().size());
    for (NodeId id = 0; id <= network_.last(); ++id)
      if (tops_[id] != id && plan_.averaged_wanted[id]) plan_.channel_pairs[tops_[id]] = {id, shapes_[id][0]};
  }

  const Network& network_;
  const std::vector<ParameterInfo>& parameters_;
  const std::vector<std::vector<int64_t>>& shapes_;
  const int64_t batch_size_;
  const std::vector<std::string> averaged_refusals_;  ///< by node
  const std::vector<int64_t> widest_to_;              ///< by node
  std::vector<NodeId> tops_;                          ///< by node: see channel_pair_tops
  int64_t loss_columns_ = 0, element_bytes_ = 4;
  TileSize tile_;  ///< less than everything: values of all samples stay until the last one
  WalkPlan plan_;
};

}  // namespace

int64_t widest_node(const std::vector<std::vector<int64_t>>& sample_shapes) {
  int64_t widest = 1;
  for (const auto& shape : sample_shapes) widest = std::max(widest, features(shape));
  return widest;
}

bool WalkPlan::has(SignalKey::Kind kind) const {
  return std::any_of(signals.begin(), signals.end(), [&](const SignalKey& key) { return key.kind == kind; });
}

bool WalkPlan::has_blocks() const {
  return std::any_of(block_groups.begin(), block_groups.end(), [](const auto& groups) { return !groups.empty(); });
}

bool WalkPlan::reads_gradient_vectors() const {
  for (const auto& needs : needs_of_parameter)
    for (const auto& need : needs)
      if (need.what == Need::What::product && need.vectors == kGradientVectors) return true;
  return false;
}

int64_t most_columns(const Network& network, const std::set<SignalKey>& signals, const std::vector<bool>& wanted,
                     const std::vector<std::vector<int64_t>>& sample_shapes, int64_t loss_columns) {
  int64_t total = 1;
  for (const auto& key : signals) {
    if (key.kind == SignalKey::Kind::sqrt_ggn_exact) total += loss_columns;
    if (key.kind == SignalKey::Kind::sqrt_ggn_mc) total += key.samples;
    if (key.kind == SignalKey::Kind::hessian_residuals)
      for (const auto& node : network.nodes())
        if (node.rule && node.rule->is_curved())
          for (const auto input : node.inputs)
            if (wanted[input]) total += features(sample_shapes[input]);
  }
  return total;
}

/// A signal at a layer's output and the same one at its input live together, or columns of a parameter and their squares.
TileSize tile_for(const Tiling& tiling, int64_t batch, const SignalSize& size) {
  const auto budget = size.columns_add_up ? tiling.budget_bytes : kOneSweep * tiling.budget_bytes;
  const auto affordable = std::max<int64_t>(budget / std::max<int64_t>(2 * size.widest * size.element_bytes, 1), 1);
  const auto together = size.columns_add_up ? std::min(size.columns, kFewColumns) : size.columns;
  TileSize tile;
  tile.samples = tiling.samples > 0 ? std::min(tiling.samples, batch) : even_part(batch, affordable / together);
  tile.columns = tiling.columns > 0 ? tiling.columns : even_part(size.columns, affordable / tile.samples);
  tile.one_sweep = tile.columns >= size.columns;
  return tile;
}

WalkPlan make_plan(const Network& network, const std::vector<ParameterInfo>& parameters,
                   const std::vector<ExtensionInstance>& extensions,
                   const std::vector<std::vector<int64_t>>& sample_shapes, int64_t batch_size, const Tiling& tiling) {
  return Planner(network, parameters, sample_shapes, batch_size).plan(extensions, tiling);
}

}  // namespace backobs
