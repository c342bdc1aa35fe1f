// SPDX-License-Identifier: MIT
#include "walk/tiles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <limits>

namespace backobs {
namespace {

/// sum_n H_n of each output that a reader of averaged curvature is below; empty if nobody reads any.
TensorList averaged_curvature_at_outputs(const WalkInput& in) {
  if (!in.plan.has(SignalKey::Kind::averaged_curvature)) return {};
  const auto& outputs = in.network.outputs();
  TensorList mats(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (in.plan.averaged_wanted[outputs[i]]) mats[i] = in.loss.summed_hessian(in.loss_io, i);
  return mats;
}

/// The Monte-Carlo roots of the whole batch, drawn once so that every tiling sees the same draws.
std::map<SignalKey, TensorList> draw_samples(const WalkInput& in) {
  std::map<SignalKey, TensorList> roots;
  for (const auto& key : in.plan.signals)
    if (key.kind == SignalKey::Kind::sqrt_ggn_mc) {
      const auto stream = static_cast<uint64_t>(key.stream) << 32 | static_cast<uint64_t>(key.samples);
      const auto random = in.info.random.at(in.info.epoch, in.info.step);
      roots[key] = in.loss.sampled_sqrt_hessian(in.loss_io, key.samples, random.generator(Draw::monte_carlo, stream));
    }
  return roots;
}

ColumnSource at_outputs(const Network& network, const SignalKey& key, const TensorList& values, int64_t total) {
  ColumnSource source;
  source.key = key;
  source.count = values.front().size(0);
  source.total = total;
  for (std::size_t i = 0; i < values.size(); ++i) {
    Columns columns;
    columns.dense = values[i];
    source.at.emplace_back(network.outputs()[i], columns);
  }
  return source;
}

TensorList add_column_axis(TensorList values) {
  for (auto& value : values) value = value.unsqueeze(0);
  return values;
}

/// Everything that starts at the loss for the samples of one block, but the gradient; exact roots are made when needed.
struct Pending {
  ColumnSource source;
  bool exact = false;  ///< source.at is empty: the loss makes the columns
};

std::vector<Pending> loss_sources(const WalkInput& in, const std::map<SignalKey, TensorList>& draws, int64_t first,
                                  int64_t count) {
  std::vector<Pending> pending;
  for (const auto& key : in.plan.signals) {
    if (key.kind == SignalKey::Kind::sqrt_ggn_exact) {
      auto& exact = pending.emplace_back();
      exact.source.key = key;
      exact.source.count = exact.source.total = in.loss.columns(in.loss_io);
      exact.exact = true;
    } else if (key.kind == SignalKey::Kind::sqrt_ggn_mc) {
      TensorList part;
      for (const auto& root : draws.at(key)) part.push_back(root.narrow(1, first, count));
      pending.push_back({at_outputs(in.network, key, part, key.samples), false});
    }
  }
  return pending;
}

/// Takes up to `room` columns off the front of the queue and starts them.
int64_t start_next(const WalkInput& in, const LossIO& loss_io, std::vector<Pending>& queue, int64_t room, Sweep& sweep) {
  auto& [source, exact] = queue.front();
  const auto take = std::min(room, source.count);
  auto part = exact ? at_outputs(in.network, source.key, in.loss.sqrt_hessian(loss_io, source.first, take), source.total)
                    : source;
  if (!exact)
    for (auto& [node, columns] : part.at) columns = narrow(columns, 0, take);
  if (part.own.defined()) {
    part.own = source.own.narrow(0, 0, take);
    source.own = source.own.narrow(0, take, source.count - take);
  }
  part.first = source.first;
  part.count = take;
  sweep.start(part);
  source.first += take;
  source.count -= take;
  if (!exact)
    for (auto& [node, columns] : source.at)
      if (source.count > 0) columns = narrow(columns, take, source.count);
  if (source.count == 0) queue.erase(queue.begin());
  return take;
}

/// All sweeps over one block of samples.
class SampleBlock {
 public:
  SampleBlock(const WalkInput& in, std::vector<ParameterQuantities>& quantities, int64_t first, int64_t count)
      : in_(in), quantities_(quantities), position_{first, count, {in.loss_io.samples(), in.info.batch_size}, 0, 0},
        loss_io_(in.loss_io.narrow(first, count)) {}

  void run(const std::map<SignalKey, TensorList>& draws, const TensorList& averaged, int64_t room, bool whole,
           const std::function<void(std::size_t)>& complete, const Sweep::TakeBlock& take_block) {
    auto queue = loss_sources(in_, draws, position_.first_sample, position_.samples);
    std::vector<ColumnSource> residuals;
    Sweep first(in_.network, in_.plan, in_.tape, quantities_, position_);
    first.collect_inputs();
    first.start(at_outputs(in_.network, SignalKey::gradient(), add_column_axis(in_.loss.gradient(loss_io_)), 1));
    if (!averaged.empty()) first.start_averaged(averaged);
    fill(first, queue, whole ? std::numeric_limits<int64_t>::max() : room - 1);
    if (whole) first.on_complete(complete);
    if (whole) first.release_behind(in_.spent);
    if (take_block) first.give_blocks(take_block, in_.tiling.block_bytes);
    else if (!whole) first.divert_residuals(&residuals);
    first.run();
    for (auto& residual : residuals) queue.push_back({std::move(residual), false});
    while (!queue.empty()) {
      Sweep next(in_.network, in_.plan, in_.tape, quantities_, position_);
      fill(next, queue, std::max<int64_t>(room, 1));
      next.run();
    }
  }

 private:
  void fill(Sweep& sweep, std::vector<Pending>& queue, int64_t room) {
    while (room > 0 && !queue.empty()) room -= start_next(in_, loss_io_, queue, room, sweep);
  }

  const WalkInput& in_;
  std::vector<ParameterQuantities>& quantities_;
  TilePosition position_;
  LossIO loss_io_;
};

}  // namespace

TileSize choose_tile(const WalkInput& in) {
  const auto columns = most_columns(in.network, in.plan.signals, in.plan.wanted, in.sample_shapes, in.loss.columns(in.loss_io));
  const auto widest = std::max(widest_node(in.sample_shapes), in.plan.widest_columns);
  const auto bytes = static_cast<int64_t>(in.tape.output(0).element_size());
  return tile_for(in.tiling, in.loss_io.samples(), {columns, widest, bytes, in.plan.columns_add_up});
}

void walk_tiles(const WalkInput& in, std::vector<ParameterQuantities>& quantities,
                const std::function<void(std::size_t)>& complete, const Sweep::TakeBlock& take_block) {
  const auto batch = in.loss_io.samples();
  const auto tile = choose_tile(in);
  const auto draws = draw_samples(in);
  const bool whole = tile.samples == batch && tile.one_sweep;
  auto averaged = averaged_curvature_at_outputs(in);
  if (!averaged.empty() && tile.samples < batch) {
    // It averages over the batch at every layer, so it cannot be split: a sweep of its own.
    Sweep sweep(in.network, in.plan, in.tape, quantities, {0, batch, {batch, in.info.batch_size}, 0, 0});
    sweep.start_averaged(averaged);
    sweep.run();
    averaged.clear();
  }
  for (int64_t first = 0; first < batch; first += tile.samples)
    SampleBlock(in, quantities, first, std::min(tile.samples, batch - first))
        .run(draws, averaged, tile.columns, whole, complete, take_block);
  if (whole) return;
  for (NodeId node = in.network.last(); node >= 0; --node)
    for (const auto& use : in.plan.parameters_at[node])
      if (use.last) complete(use.parameter);
}

}  // namespace backobs
