// SPDX-License-Identifier: MIT
#include "walk/quantities.h"

#include "kernels/affine.h"
#include "kernels/variance.h"
#include "kernels/window_moment.h"
#include "walk/penalty.h"

#include <ATen/ATen.h>

namespace backobs {

using What = Need::What;

/// Weights and biases of affine maps: what is wanted follows from z and x without the columns of the parameter, which are
/// C times as large as the input.
void ParameterQuantities::add_affine(const std::string& local_name, Arrival& arrival) {
  const auto& key = arrival.key;
  const auto& rule = arrival.rule;
  const bool is_weight = rule.form(local_name) == ParamForm::weight;
  if (is_weight && key == SignalKey::gradient()) {
    if (takes_gradient()) add_weight_gradient(rule, arrival.io, local_name, arrival.columns.dense);
    if (!reads_columns(key)) return;
  }
  const bool squares_done = add_squares_of_sums(local_name, arrival, is_weight);
  if (!needs_written_out(key, squares_done)) return;

  if (needs(What::output_factor, key)) accumulate(What::output_factor, key, arrival.output_moment());
  if (!is_weight) {
    add_bias(local_name, arrival, !squares_done);
    return;
  }
  const auto &z = arrival.z(), &signs = arrival.dense().signs;
  if (needs(What::sum, key) && !(key == SignalKey::gradient()))
    accumulate(What::sum, key, rule.from_affine(local_name, affine::sum(z, input_of(rule, arrival.io))));
  if (needs_products(key)) add_products(key, {{}, z, input_of(rule, arrival.io), signs, &rule, local_name});
  add_weight_values(local_name, arrival, !squares_done);
}

/// Its columns are the sums over positions.
void ParameterQuantities::add_bias(const std::string& local_name, Arrival& arrival, bool with_squares) {
  const auto a = arrival.rule.from_affine(local_name, arrival.position_sums());
  if (arrival.key == SignalKey::gradient() && takes_gradient()) add_gradient(a.sum(c10::IntArrayRef{0, 1}));
  add_from_columns(arrival.key, a, arrival.dense().signs, arrival.tile, arrival.total_columns, with_squares);
  // What is given away must not be the signal, which travels on.
  const auto held = values_.find({What::columns, arrival.key});
  if (held != values_.end() && held->second.is_alias_of(a)) held->second = held->second.clone();
}

/// Straight into grad() where the layer is one product of matrices and the weight lies as that has it, else in the rule's own way.
void ParameterQuantities::add_weight_gradient(const LayerRule& rule, const LayerIO& io, const std::string& local_name,
                                              const Tensor& columns) {
  if (!gradient_started_ && gradient_.dim() == 2) {
    const auto z = rule.affine_columns(io, columns), x = rule.affine_input(io);
    auto product = z.size(0) == 1 && z.size(2) == 1 && z.size(3) == 1
                       ? rule.to_affine(local_name, gradient_, {1, z.size(4), x.size(3)}) : Tensor();
    if (product.defined() && product.is_alias_of(gradient_) && product.is_contiguous()) {
      product = product.squeeze(0);
      at::mm_out(product, z.reshape({-1, z.size(4)}).t(), x.reshape({-1, x.size(3)}));
      gradient_started_ = true;
      return;
    }
  }
  add_gradient(rule.sum_param_jac_t(io, local_name, columns));
}

/// With one position and one group squares only need q[n,c] = sum_v sign z^2, and a diagonal residual is never written
/// out. True if the squares of this signal are always made this way here, whatever else is asked for.
bool ParameterQuantities::add_squares_of_sums(const std::string& local_name, Arrival& arrival, bool is_weight) {
  const auto& key = arrival.key;
  const auto& columns = arrival.columns;
  if (key == SignalKey::gradient()) return false;
  if (!needs(What::sum_squares, key) && !needs(What::sample_squares, key)) return true;
  const auto probe = arrival.rule.affine_columns(arrival.io, columns.dense.defined() ? columns.dense.narrow(0, 0, 1)
                                                                     : columns.diagonal.unsqueeze(0));
  if (probe.size(2) != 1 || probe.size(3) != 1) return false;
  const auto shaped = [&](const Tensor& value) { return arrival.rule.from_affine(local_name, value); };
  const auto& q = arrival.summed_squares();
  const auto x = is_weight ? input_of(arrival.rule, arrival.io) : Tensor();
  if (needs(What::sum_squares, key))
    accumulate(What::sum_squares, key, shaped(x.defined() ? affine::sum_squares_from(q, x) : q.sum(0).unsqueeze(0)));
  if (needs(What::sample_squares, key))
    join(What::sample_squares, key, shaped(x.defined() ? affine::sample_squares_from(q, x) : q.unsqueeze(1).clone()), 0,
         arrival.tile, arrival.total_columns);
  return true;
}

/// Whether somebody reads more of this signal than squares.
bool ParameterQuantities::needs_written_out(const SignalKey& key, bool squares_done) const {
  if (key == SignalKey::gradient() || !squares_done) return true;
  return needs(What::columns, key) || needs(What::squared_norms, key) || needs(What::output_factor, key) ||
         needs(What::sum, key) || needs_products(key);
}

/// The weight's derived quantities from z and x, without individual gradients where nobody asked for them.
void ParameterQuantities::add_weight_values(const std::string& local_name, Arrival& arrival, bool with_squares) {
  const auto &z = arrival.z(), &signs = arrival.dense().signs;
  if (z.size(2) > 1) {
    add_fused_values(local_name, arrival);
    return;
  }
  const auto& rule = arrival.rule;
  const auto& key = arrival.key;
  const auto& tile = arrival.tile;
  const auto total_columns = arrival.total_columns;
  const auto& x = input_of(rule, arrival.io);
  const auto shaped = [&](const Tensor& value) { return rule.from_affine(local_name, value); };
  const bool sums_squares = with_squares && needs(What::sum_squares, key), varies = needs(What::variance, key);
  const auto squares = sums_squares || varies ? affine::sum_squares(z, signs, x) : Tensor();
  if (varies) add_variance(rule, local_name, z, x, squares, tile);
  if (sums_squares) accumulate(What::sum_squares, key, shaped(squares));
  // Each value has one way of being computed, whatever else is asked for: an extension must change no other number.
  const bool penalised = penalty_ != 0 && key == SignalKey::gradient();
  Tensor individual;
  if (needs(What::columns, key) || (penalised && needs(What::sample_squares, key))) {
    const auto share = penalised ? penalty_share(rule, local_name, {z.size(3), z.size(4), x.size(3)}, tile) : Tensor();
    individual = shaped(affine::columns(z, x, share));
  }
  if (needs(What::columns, key)) join(What::columns, key, individual, 1, tile, total_columns);
  if (needs(What::squared_norms, key))
    add_norms(rule, local_name, key, z, x, tile, total_columns);
  if (with_squares && needs(What::sample_squares, key))
    join(What::sample_squares, key, penalised ? individual.square().sum(0) : shaped(affine::sample_squares(z, signs, x)), 0,
         tile, total_columns);
}

/// One position: of the whole mini-batch from the gradient and its squares, of a part as moments that add up.
void ParameterQuantities::add_variance(const LayerRule& rule, const std::string& local_name, const Tensor& z, const Tensor& x,
                                       const Tensor& squares, const TilePosition& tile) {
  const auto shaped = [&](const Tensor& value) { return rule.from_affine(local_name, value); };
  if (tile.whole() && takes_gradient() && z.size(3) == 1 && z.device().is_cpu()) {
    const auto sum = rule.to_affine(local_name, gradient_, squares.sizes().vec());
    const auto found = affine::variance(z.reshape({-1, z.size(4)}), x.reshape({-1, x.size(3)}), sum[0], squares[0]);
    values_[{What::variance, SignalKey::gradient()}] = shaped(found.unsqueeze(0));
    return;
  }
  const auto wide_z = z.to(at::kDouble), wide_x = x.to(at::kDouble);
  accumulate_moments(shaped(affine::sum(wide_z, wide_x)), shaped(affine::sum_squares(wide_z, {}, wide_x)));
}

/// Norms without forming A, and with the penalty from inner products alone.
void ParameterQuantities::add_norms(const LayerRule& rule, const std::string& local_name, const SignalKey& key,
                                    const Tensor& z, const Tensor& x, const TilePosition& tile, int64_t total_columns) {
  auto norms = affine::squared_norms(z, x);
  if (penalty_ != 0 && key == SignalKey::gradient()) {
    const auto w = value_.detach();
    const auto products = affine::inner_products(z, x, rule.to_affine(local_name, w, {z.size(3), z.size(4), x.size(3)}));
    norms += penalty::norm_correction(products, w, penalty_, tile.of.batch_size);
  }
  join(What::squared_norms, key, norms, 1, tile, total_columns);
}

/// (c/N) w as the affine map has it, [G, C, K].
Tensor ParameterQuantities::penalty_share(const LayerRule& rule, const std::string& local_name,
                                          const std::vector<int64_t>& shape, const TilePosition& tile) const {
  const auto share = penalty::per_sample(SignalKey::gradient(), value_.detach(), penalty_, tile.of.batch_size);
  return rule.to_affine(local_name, share, shape).contiguous();
}

const sparse::WindowedInput* ParameterQuantities::windows_of(Arrival& arrival) {
  const auto* windowed = dynamic_cast<const WindowedRule*>(&arrival.rule);
  if (!windowed || !sparse::is_sparse(arrival.z())) return nullptr;
  return &windowed_input_of(*windowed, arrival.io);
}

const sparse::WindowedInput& ParameterQuantities::windowed_input_of(const WindowedRule& rule, const LayerIO& io) {
  if (!windows_) windows_ = std::make_shared<sparse::WindowedInput>(rule.windowed_input(io));
  return *windows_;
}

Tensor ParameterQuantities::input_moment(const LayerRule& rule, const LayerIO& io, double scale) {
  const auto* windowed = dynamic_cast<const WindowedRule*>(&rule);
  if (windowed && io.inputs[0].device().is_cpu() && shares_slices(windowed->windows(io)))
    return window_moment(windowed_input_of(*windowed, io), io.samples(), scale);
  return affine::input_moment(input_of(rule, io), scale);
}

const Tensor& ParameterQuantities::input_of(const LayerRule& rule, const LayerIO& io) {
  if (!input_.defined()) input_ = rule.affine_input(io);
  return input_;
}

}  // namespace backobs
