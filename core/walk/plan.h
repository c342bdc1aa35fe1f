// SPDX-License-Identifier: MIT
#pragma once

#include "walk/block_group.h"
#include "walk/pass.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace backobs {

/// Everything about a pass that does not depend on the batch: which signals travel how far, which derived quantities
/// each parameter accumulates, and who visits whom.
struct WalkPlan {
  struct ParameterAtNode {
    std::size_t parameter;   ///< index into ParameterInfo
    std::string local_name;
    bool last;               ///< no use further down: after this node the parameter is complete
  };

  /// Averaged curvature at this node reaches node `bottom` (-1: none) channel pair by channel pair; see channel_pairs.h.
  struct ChannelPairs {
    NodeId bottom = -1;
    int64_t channels = 0;
  };

  std::vector<ExtensionInstance> extensions;
  std::vector<std::set<Need>> needs_of_extension;             ///< as declared
  std::vector<std::set<Need>> needs_of_parameter;             ///< union over the extensions that visit it
  std::vector<std::vector<bool>> visits;                      ///< [extension][parameter]
  std::vector<std::vector<bool>> in_blocks;                   ///< of these, the visits that may be of blocks
  std::vector<std::vector<BlockGroup>> block_groups;          ///< by parameter: those visits
  std::vector<std::set<Need>> whole_needs;                    ///< by parameter: of the other visits
  std::vector<std::vector<ParameterAtNode>> parameters_at;    ///< by node
  std::vector<bool> wanted;                                   ///< by node: a trainable parameter is here or above
  std::vector<bool> reached;                                  ///< by node: the loss depends on it
  std::vector<bool> averaged_wanted;                          ///< the same for a parameter that reads averaged_curvature
  std::vector<ChannelPairs> channel_pairs;                    ///< by node
  std::set<SignalKey> signals;                                ///< beyond the gradient
  std::vector<Refusal> refusals;
  /// Of curvature, nobody reads blocks, columns or squares of single samples, so that a sweep over some columns leaves little behind.
  bool columns_add_up = true;
  int64_t widest_columns = 0;                                 ///< entries of the largest parameter whose columns are written out
  std::string coupled_node;                                   ///< where samples mix even with frozen normalisation; mostly empty

  bool has(SignalKey::Kind kind) const;
  bool has_blocks() const;
  /// Whether a product with the gradient is among the needs.
  bool reads_gradient_vectors() const;
};

/// Features of the widest node.
int64_t widest_node(const std::vector<std::vector<int64_t>>& sample_shapes);

/// Upper bound of all columns that may be alive at once with these signals beside the gradient's one: `loss_columns` of an
/// exact root, M of each sampled one, and for the residuals one per input feature of a curved layer below which a parameter
/// is `wanted`.
int64_t most_columns(const Network& network, const std::set<SignalKey>& signals, const std::vector<bool>& wanted,
                     const std::vector<std::vector<int64_t>>& sample_shapes, int64_t loss_columns);

/// A block of N and of V.
struct TileSize {
  int64_t samples = 0;
  int64_t columns = 0;
  bool one_sweep = false;  ///< every column of a block of samples, residuals too, moves in one sweep
};

/// What signals need: `columns` in all, the gradient's one included, of at most `widest` entries a sample, at a node or a
/// parameter.
struct SignalSize {
  int64_t columns, widest, element_bytes;
  bool columns_add_up = false;  ///< see WalkPlan
};

/// The largest tile whose signals fit the budget, all of about one size. Where columns add up they are split first, down to a few,
/// since split samples cost another walk of the gradient. Elsewhere they are split only if one sample does not fit, and the budget is
/// four times as large. Explicit sizes win.
BACKOBS_API TileSize tile_for(const Tiling& tiling, int64_t batch, const SignalSize& size);

/// Plans a pass. `batch_size` and `tiling` decide what fits into memory; `sample_shapes` is Network::sample_shapes().
BACKOBS_API WalkPlan make_plan(const Network& network, const std::vector<ParameterInfo>& parameters,
                               const std::vector<ExtensionInstance>& extensions,
                               const std::vector<std::vector<int64_t>>& sample_shapes, int64_t batch_size,
                               const Tiling& tiling);

}  // namespace backobs
