// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include "signals/columns.h"
#include "walk/tile_position.h"

namespace backobs {

/// Columns of one signal where they reach a node, with what the node's parameters have in common of them: a weight and a
/// bias of an affine map read the same z, and what both want of it is formed once, by the first that asks. It refers to what
/// it is made from, and lives as long as the node is visited.
class Arrival {
 public:
  Arrival(const LayerRule& rule_at, const LayerIO& io_at, const SignalKey& signal, const Columns& arrived,
          const TilePosition& position, int64_t all_columns, std::size_t number)
      : rule(rule_at), io(io_at), key(signal), columns(arrived), tile(position), total_columns(all_columns), source(number) {}

  const LayerRule& rule;
  const LayerIO& io;
  const SignalKey key;
  const Columns& columns;
  const TilePosition tile;
  const int64_t total_columns;  ///< V of the whole signal; 0 where it is not known
  const std::size_t source;     ///< tells apart columns that are alive at once, also of one signal

  /// The columns written out, [V, n, *out].
  const Columns& dense();
  /// The same in the layout of the affine map, z [V, n, S, G, C].
  const Tensor& z();
  /// s = sum_t z[v,n,t,g,c], [V, n, G, C]; of one position a view of z.
  const Tensor& position_sums();
  /// q[n,f] = sum_v sign z^2, [n, F], without writing out a diagonal.
  const Tensor& summed_squares();
  /// sum_{v,n} s s^T, [G C, C] as affine::output_moment has it. The caller owns it: results are given away.
  Tensor output_moment();

 private:
  Columns dense_;
  Tensor z_, sums_, squares_, moment_;
};

}  // namespace backobs
