// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/extension.h>
#include <backobs/layer.h>

#include "signals/columns.h"

#include <functional>
#include <map>
#include <set>

namespace backobs {

/// Where a tile lies in the whole: for values that are joined over N and V.
struct TilePosition {
  int64_t first_sample = 0, samples = 0, batch_size = 0;
  int64_t first_column = 0, columns = 0;  ///< of V, for the signal at hand
  bool whole() const { return samples == batch_size; }
};

/// The derived quantities of one parameter during one pass: accumulated use by use and tile by tile, then finished
/// with the penalty. The formulas are in backobs/signal.h; the fast paths in kernels/affine.h.
class ParameterQuantities {
 public:
  ParameterQuantities(const ParameterInfo& info, Tensor value, const std::set<Need>& needs, bool penalty);

  /// One signal's columns at one use of the parameter. `total_columns` is V of the whole signal.
  void add(const LayerRule& rule, const LayerIO& io, const std::string& local_name, const SignalKey& key,
           const Columns& columns, const TilePosition& tile, int64_t total_columns, bool last_use);
  /// The parameter's own curvature: residual columns that are already in the parameter, [R, n, *p].
  void add_residual(const Columns& columns, const TilePosition& tile);
  /// (1/N) X X^T once per use and block of samples.
  void add_input(const LayerRule& rule, const LayerIO& io, int64_t batch_size);
  /// KFRA's factor from the averaged curvature M [D, D] at the layer's output.
  void add_averaged(const LayerRule& rule, const LayerIO& io, const std::string& local_name, const Tensor& mat);

  /// After the last tile: puts the gradient, penalty included, into the parameter's grad() and completes all values.
  void finish(int64_t batch_size);
  /// A finished value.
  const Tensor& value(const Need& need) const;
  void clear() { values_.clear(); }

 private:
  bool needs(Need::What what, const SignalKey& key) const { return needs_.count({what, key}) > 0; }
  void add_from_columns(const SignalKey& key, const Tensor& columns, const Tensor& signs, const TilePosition& tile,
                        int64_t total_columns);
  bool reads_columns(const SignalKey& key) const;
  void add_output_factor(const LayerRule& rule, const LayerIO& io, ParamForm form, const SignalKey& key,
                         const Tensor& columns, const Tensor& own);
  void add_affine(const LayerRule& rule, const LayerIO& io, const std::string& local_name, const SignalKey& key,
                  const Columns& columns, const TilePosition& tile, int64_t total_columns);
  void join_from_columns(const SignalKey& key, Tensor columns, const Tensor& signs, const TilePosition& tile,
                         int64_t total_columns);
  void add_weight_values(const std::function<Tensor(const Tensor&)>& shaped, const SignalKey& key, const Tensor& z,
                         const Tensor& signs, const Tensor& x, const TilePosition& tile, int64_t total_columns);
  void accumulate(Need::What what, const SignalKey& key, const Tensor& value);
  void join(Need::What what, const SignalKey& key, const Tensor& value, int64_t sample_axis, const TilePosition& tile,
            int64_t total_columns);
  void accumulate_moments(const Tensor& sum, const Tensor& sum_of_squares);
  void add_gradient(const Tensor& sum);
  void add_penalty(int64_t batch_size);

  const ParameterInfo& info_;
  Tensor value_;
  std::set<Need> needs_;
  double penalty_;           ///< c of the quantities; 0 where excluded
  double gradient_penalty_;  ///< c of grad(): always the problem's
  std::map<Need, Tensor> values_;
  std::map<SignalKey, Tensor> pending_;  ///< columns of a shared parameter, until its last use
  Tensor gradient_;                      ///< grad()'s buffer
  bool gradient_started_ = false;
  Tensor moment1_, moment2_;             ///< double: sum_n g_n, sum_n g_n^2
};

}  // namespace backobs
