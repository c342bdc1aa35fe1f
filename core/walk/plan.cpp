// SPDX-License-Identifier: MIT
#include "walk/plan.h"

#include "network/channelwise.h"
#include "network/features.h"
#include "walk/legality.h"

#include <algorithm>
#include <functional>

namespace backobs {
namespace {

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

/// Whether the signals that travel for these extensions fit the budget in one tile, as choose_tile() decides; residuals,
/// which arise on the way, are not foreseen.
bool fits_one_tile(const std::vector<ExtensionInstance>& extensions, int64_t widest, int64_t loss_columns, int64_t batch_size,
                   int64_t element_bytes, int64_t budget_bytes) {
  std::set<SignalKey> signals;
  for (const auto& instance : extensions)
    for (const auto& need : instance.extension->needs()) signals.insert(need.signal);
  int64_t columns = 1;
  for (const auto& key : signals) {
    if (key.kind == SignalKey::Kind::sqrt_ggn_exact) columns += loss_columns;
    if (key.kind == SignalKey::Kind::sqrt_ggn_mc) columns += key.samples;
  }
  return budget_bytes / (2 * widest * element_bytes) >= columns * batch_size;
}

/// Entries of the largest parameter whose columns are written out, a tile's together: of a weight and a bias with one use what
/// is wanted is formed without them, and of others too where nobody reads more than the gradient.
int64_t widest_columns(const std::vector<ParameterInfo>& parameters, const std::vector<ExtensionInstance>& extensions) {
  const bool read = std::any_of(extensions.begin(), extensions.end(), [](const ExtensionInstance& instance) {
    const auto needs = instance.extension->needs();
    return std::any_of(needs.begin(), needs.end(), [](const Need& need) { return need.what != Need::What::input_factor; });
  });
  int64_t widest = 0;
  for (const auto& parameter : parameters)
    if (read && (parameter.shared || (parameter.form != ParamForm::weight && parameter.form != ParamForm::bias)))
      widest = std::max(widest, features(parameter.shape));
  return widest;
}

/// Values of a parameter with several uses are complete after the last of them alone.
bool comes_in_blocks(const ExtensionInstance& instance, const ParameterInfo& parameter, const std::vector<Need>& needs) {
  return instance.in_blocks && !parameter.shared && std::all_of(needs.begin(), needs.end(), [](const Need& need) {
    return need.what == Need::What::columns || need.what == Need::What::sample_squares || need.what == Need::What::squared_norms;
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
  return std::any_of(block_needs.begin(), block_needs.end(), [](const std::set<Need>& needs) { return !needs.empty(); });
}

bool WalkPlan::reads_gradient_vectors() const {
  for (const auto& needs : needs_of_parameter)
    for (const auto& need : needs)
      if (need.what == Need::What::product && need.vectors == kGradientVectors) return true;
  return false;
}

WalkPlan make_plan(const Network& network, const std::vector<ParameterInfo>& infos,
                   const std::vector<ExtensionInstance>& extensions,
                   const std::vector<std::vector<int64_t>>& shapes, int64_t batch_size, int64_t budget_bytes) {
  WalkPlan plan;
  plan.extensions = extensions;
  plan.needs_of_parameter.resize(infos.size());
  plan.block_needs.resize(infos.size());
  plan.whole_needs.resize(infos.size());
  place_parameters(network, infos, plan);
  plan.coupled_node = coupled_node(network);
  plan.reached = reached_by_the_loss(network);
  const auto averaged = averaged_curvature_refusals(network);
  const auto widest_to = widest(network, shapes);
  plan.wanted = reach(network, plan.parameters_at, [](std::size_t) { return true; });
  const auto tops = channel_pair_tops(network, plan, shapes);
  int64_t loss_columns = 0;
  for (const auto output : network.outputs()) loss_columns += features(shapes[output]);
  const auto element_bytes =
      infos.empty() ? int64_t{4} : static_cast<int64_t>(network.parameter(infos[0].name).value.element_size());
  plan.widest_columns = widest_columns(infos, extensions);
  const bool streams = fits_one_tile(extensions, std::max(widest_node(shapes), plan.widest_columns), loss_columns, batch_size,
                                     element_bytes, budget_bytes);

  for (const auto& instance : extensions) {
    const auto declared = instance.extension->needs();
    plan.needs_of_extension.emplace_back(declared.begin(), declared.end());
    plan.visits.emplace_back(infos.size(), true);
    plan.in_blocks.emplace_back(infos.size(), false);
    std::optional<std::string> too_much_together;
    for (const auto& need : declared)
      if (!streams && !too_much_together)
        too_much_together = refusal_in_tiles(need, infos, loss_columns, batch_size, element_bytes);
    for (std::size_t p = 0; p < infos.size(); ++p) {
      const auto node = network.parameter(infos[p].name).uses.front().node;
      const NeedContext context{infos[p],     averaged[node], widest_to[tops[node]],
                                loss_columns, batch_size,     element_bytes};
      auto reason = instance.extension->refuses(infos[p]);
      if (!reason && !plan.coupled_node.empty() && !declared.empty())
        reason = "samples are coupled at " + plan.coupled_node + ", which has no running statistics to evaluate with";
      for (const auto& need : declared)
        if (!reason) reason = refusal(need, context);
      if (!reason) reason = too_much_together;
      if (reason) {
        plan.refusals.push_back({instance.name, infos[p].name, *reason});
        plan.visits.back()[p] = false;
        continue;
      }
      plan.needs_of_parameter[p].insert(declared.begin(), declared.end());
      const bool in_blocks = comes_in_blocks(instance, infos[p], declared);
      plan.in_blocks.back()[p] = in_blocks;
      (in_blocks ? plan.block_needs : plan.whole_needs)[p].insert(declared.begin(), declared.end());
      for (const auto& need : declared)
        if (need.what != Need::What::input_factor) plan.signals.insert(need.signal);
    }
  }
  plan.signals.erase(SignalKey::gradient());
  plan.averaged_wanted = reach(network, plan.parameters_at, [&](std::size_t p) {
    return plan.needs_of_parameter[p].count({Need::What::output_factor, SignalKey::averaged_curvature()}) > 0;
  });
  plan.channel_pairs.resize(network.nodes().size());
  for (NodeId id = 0; id <= network.last(); ++id)
    if (tops[id] != id && plan.averaged_wanted[id]) plan.channel_pairs[tops[id]] = {id, shapes[id][0]};
  return plan;
}

}  // namespace backobs
