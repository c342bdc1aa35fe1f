// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/extension.h>
#include <backobs/layer.h>

#include "network/windowed.h"
#include "walk/arrival.h"
#include "walk/curvature_block.h"

#include <map>
#include <set>

namespace backobs {

/// The derived quantities of one parameter during one pass: accumulated use by use and tile by tile, then finished
/// with the penalty. The formulas are in backobs/signal.h; the fast paths in kernels/affine.h.
class ParameterQuantities {
 public:
  ParameterQuantities(const ParameterInfo& info, Tensor value, const std::set<Need>& needs, bool penalty,
                      const SampleCount& count);

  /// The same parameter for a block of `samples` of these: values per sample alone, without the gradient.
  ParameterQuantities of_block(const std::set<Need>& needs, int64_t samples) const;

  /// The vectors [K, *p] of declared products, before the first tile.
  void set_vectors(const std::string& name, const Tensor& vectors) { vectors_[name] = vectors.to(value_.options()).detach(); }
  const Tensor& vectors(const std::string& name) const { return vectors_.at(name); }
  bool has_vectors(const std::string& name) const { return vectors_.count(name) > 0; }

  /// One signal's columns at one use of the parameter.
  void add(const std::string& local_name, Arrival& arrival);
  /// What a source starts with in this shared parameter itself, [V, n, *p] with signs [V, n].
  void add_own(const SignalKey& key, const Tensor& columns, const Tensor& signs, const TilePosition& tile, std::size_t source) {
    pending_[source] = {key, columns, signs, tile, 0};
  }
  /// After the last use of a shared parameter: what its uses added up to becomes derived quantities.
  void end_uses();
  /// The parameter's own curvature: residual columns that are already in the parameter, [R, n, *p].
  void add_residual(const Columns& columns, const TilePosition& tile);
  /// (1/N) X X^T once per use and block of samples.
  void add_input(const LayerRule& rule, const LayerIO& io, int64_t batch_size);
  /// Frees the unfolded input; called when all signals of a node have been added.
  void release_input() {
    input_ = Tensor();
    windows_.reset();
  }
  /// KFRA's factor from the averaged curvature M [D, D] at the layer's output.
  void add_averaged(const LayerRule& rule, const LayerIO& io, const std::string& local_name, const Tensor& mat,
                    int64_t batch_size);
  /// The same from its sums over positions, [G C, G C].
  void set_averaged(const Tensor& sums, int64_t groups);

  /// From now on the gradient alone is added, whatever else is needed; then everything but it.
  void take_gradient_alone() { std::swap(needs_, needs_aside_); }
  void take_all_but_the_gradient() {
    std::swap(needs_, needs_aside_);
    gradient_done_ = true;
  }
  /// After the last tile: puts the gradient, penalty included, into the parameter's grad() and completes all values.
  void finish();
  /// The same for a block of samples, whose values are per sample.
  void finish_block();
  /// What the parameter takes in memory.
  int64_t bytes() const { return static_cast<int64_t>(value_.nbytes()); }
  /// Whether anything but the gradient itself is computed from this signal.
  bool reads_columns(const SignalKey& key) const;
  /// A finished value.
  const Tensor& value(const Need& need) const;
  /// The operator of a declared What::block.
  const std::shared_ptr<HeldBlock>& block(const SignalKey& key) const { return blocks_.at(key); }
  /// All of them.
  std::vector<std::shared_ptr<HeldBlock>> blocks() const;
  void clear();

 private:
  ParameterQuantities(const ParameterQuantities& whole, const std::set<Need>& needs, int64_t samples);
  /// The columns of all uses of a shared parameter so far, [V, n, *p].
  struct Pending {
    SignalKey key;
    Tensor columns, signs;
    TilePosition tile;
    int64_t total_columns;
  };
  bool needs(Need::What what, const SignalKey& key) const { return needs_.count({what, key}) > 0; }
  bool needs_products(const SignalKey& key) const;
  void add_products(const SignalKey& key, const ParameterColumns& columns);
  void add_from_columns(const SignalKey& key, const Tensor& columns, const Tensor& signs, const TilePosition& tile,
                        int64_t total_columns, bool with_squares = true);
  void add_output_factor(ParamForm form, Arrival& arrival, const Tensor& own);
  void add_weight_gradient(const LayerRule& rule, const LayerIO& io, const std::string& local_name, const Tensor& columns);
  void add_affine(const std::string& local_name, Arrival& arrival);
  void add_bias(const std::string& local_name, Arrival& arrival, bool with_squares);
  bool add_squares_of_sums(const std::string& local_name, Arrival& arrival, bool is_weight);
  bool needs_written_out(const SignalKey& key, bool squares_done) const;
  void join_from_columns(const SignalKey& key, Tensor columns, const Tensor& signs, const TilePosition& tile,
                         int64_t total_columns, bool with_squares);
  void add_weight_values(const std::string& local_name, Arrival& arrival, bool with_squares);
  void add_fused_values(const std::string& local_name, Arrival& arrival);
  void add_variance(const LayerRule& rule, const std::string& local_name, const Tensor& z, const Tensor& x,
                    const Tensor& squares, const TilePosition& tile);
  void add_norms(const LayerRule& rule, const std::string& local_name, const SignalKey& key, const Tensor& z, const Tensor& x,
                 const TilePosition& tile, int64_t total_columns);
  Tensor penalty_share(const LayerRule& rule, const std::string& local_name, const std::vector<int64_t>& shape,
                       const TilePosition& tile) const;
  /// x of the affine map, unfolded once for all signals.
  const Tensor& input_of(const LayerRule& rule, const LayerIO& io);
  /// The same as windows, null where they are none or where the signal has too few zeros for them.
  const sparse::WindowedInput* windows_of(Arrival& arrival);
  const sparse::WindowedInput& windowed_input_of(const WindowedRule& rule, const LayerIO& io);
  Tensor input_moment(const LayerRule& rule, const LayerIO& io, double scale);
  void accumulate(Need::What what, const SignalKey& key, const Tensor& value);
  void join(Need::What what, const SignalKey& key, const Tensor& value, int64_t sample_axis, const TilePosition& tile,
            int64_t total_columns);
  void accumulate_moments(const Tensor& sum, const Tensor& sum_of_squares);
  /// A block of samples leaves the gradient to the whole, and tiles to a walk before them.
  bool takes_gradient() const { return gradient_.defined() && !gradient_done_; }
  void add_gradient(const Tensor& sum);
  void add_penalty();
  void add_penalty_to_products();

  const ParameterInfo& info_;
  Tensor value_;
  std::set<Need> needs_;
  SampleCount count_;
  double penalty_;           ///< c of the quantities; 0 where excluded
  double gradient_penalty_;  ///< c of grad(): always the problem's; n/N of it in a micro-batch
  std::map<Need, Tensor> values_;
  std::map<std::string, Tensor> vectors_;
  std::map<SignalKey, std::shared_ptr<HeldBlock>> blocks_;
  std::map<std::size_t, Pending> pending_;  ///< by source, until the last use
  Tensor gradient_;                      ///< grad()'s buffer; undefined in a block of samples
  bool gradient_started_ = false, gradient_done_ = false;
  std::set<Need> needs_aside_;
  Tensor input_;
  std::shared_ptr<const sparse::WindowedInput> windows_;
  Tensor shift_;                         ///< [G, C, K]; moments below are of g_n - shift where it is defined
  Tensor moment1_, moment2_;             ///< double: sum_n g_n, sum_n g_n^2
};

}  // namespace backobs
