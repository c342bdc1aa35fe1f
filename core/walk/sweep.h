// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/loss.h>
#include <backobs/network.h>

#include "network/tape.h"
#include "signals/columns.h"
#include "walk/plan.h"
#include "walk/quantities.h"

#include <functional>
#include <vector>

namespace backobs {

/// Columns waiting to enter the network at some nodes: the loss's at the outputs, a residual's at its layer's inputs.
struct ColumnSource {
  SignalKey key;
  std::vector<std::pair<NodeId, Columns>> at;  ///< [count, n, *out] at each of these nodes
  int64_t first = 0;                           ///< of all columns of the signal
  int64_t count = 0;
  int64_t total = 0;                           ///< V of the whole signal; 0 where it is not known (residuals)
  int64_t parameter = -1;                      ///< the only parameter that reads them, if there is one, and
  Tensor own;                                  ///< what it got of them at the layer they start from, [count, n, *p]
};

/// One reverse walk over one tile: every live signal moves through each node once, from the last to the first, and is
/// dropped after its last reader.
class Sweep {
 public:
  Sweep(const Network& network, const WalkPlan& plan, const Tape& tape, std::vector<ParameterQuantities>& quantities,
        TilePosition samples);

  void start(const ColumnSource& source);
  /// M = sum_n H_n, one per output, undefined where nobody wants it; needs a sweep over the whole batch.
  void start_averaged(const TensorList& mats);
  /// Input factors are of the samples, not of a signal: one sweep per block of samples collects them.
  void collect_inputs() { collects_inputs_ = true; }
  /// Residuals born in this sweep go here instead of travelling on at once.
  void divert_residuals(std::vector<ColumnSource>* sources) { diverted_ = sources; }
  /// Takes the next block of a parameter's values for a group of its readers, of `samples`.
  using TakeBlock =
      std::function<void(std::size_t parameter, const BlockGroup&, const ParameterQuantities&, int64_t samples)>;
  /// The plan's values in blocks are formed block by block and given away, each of no more than `bytes`, unless the smallest
  /// block is more: a sample, or of Blocks::columns one column of it. Needs every column of every signal in this sweep.
  void give_blocks(TakeBlock take, int64_t bytes) {
    take_block_ = std::move(take);
    block_bytes_ = bytes;
  }
  /// Nobody reads the tape behind this sweep, which releases each node as it leaves it.
  void release_behind(Tape* tape) { spent_ = tape; }
  /// Called for each parameter after its last use.
  void on_complete(std::function<void(std::size_t)> callback) { complete_ = std::move(callback); }

  void run();

 private:
  struct Live {
    SignalKey key;
    std::vector<Columns> at;  ///< by node
    int64_t first = 0, count = 0, total = 0;
    int64_t parameter = -1;  ///< the only reader, if there is one
    bool is_read_by(std::size_t other) const { return parameter < 0 || parameter == static_cast<int64_t>(other); }
  };
  void walk_through(NodeId node);
  void put_zeros(NodeId node, const LayerIO& io);
  std::vector<Arrival> arrivals_at(NodeId node, const LayerIO& io) const;
  void visit_parameters(NodeId node, const LayerIO& io);
  struct Block {
    int64_t first_sample, samples;
    int64_t first_column, columns;  ///< of Blocks::columns
  };
  void visit_in_blocks(NodeId node, const WalkPlan::ParameterAtNode& use, const BlockGroup& group);
  void visit_block(NodeId node, const WalkPlan::ParameterAtNode& use, const BlockGroup& group, const Block& block);
  int64_t total_of(const SignalKey& key) const;
  int64_t rows_per_sample(const BlockGroup& group) const;
  void add_param_residuals(NodeId node, const LayerIO& io, const Tensor& grad);
  void add_mixed_residuals(NodeId node, const LayerIO& io, const Tensor& grad);
  void begin_or_divert(ColumnSource source);
  void move_columns(NodeId node, const LayerIO& io);
  void add_residual(NodeId node, const LayerIO& io, const Tensor& grad);
  void move_averaged(NodeId node, const LayerIO& io);
  void move_averaged_by_channel_pairs(NodeId node, const Tensor& mat);
  bool any_input_wanted(NodeId node) const;
  const Tensor* gradient_at(NodeId node) const;
  TilePosition position(const Live& live, const Columns& columns, TilePosition samples) const;

  const Network& network_;
  const WalkPlan& plan_;
  const Tape& tape_;
  Tape* spent_ = nullptr;  ///< the same, if it is released
  std::vector<ParameterQuantities>& quantities_;
  TilePosition samples_;
  std::vector<Live> live_;
  std::vector<Tensor> averaged_;  ///< by node, at its output; from each output of the network the legal path is a chain
  bool carries_averaged_ = false;
  bool collects_inputs_ = false;
  std::vector<ColumnSource>* diverted_ = nullptr;
  std::function<void(std::size_t)> complete_;
  TakeBlock take_block_;
  int64_t block_bytes_ = 0;
};

}  // namespace backobs
