// SPDX-License-Identifier: MIT
#include "walk/quantities.h"

#include "kernels/affine.h"
#include "walk/penalty.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace backobs {
namespace {

using What = Need::What;

/// sign[v,n] a^2 for a [V, n, ...].
Tensor signed_squares(const Tensor& a, const Tensor& signs) {
  auto squares = a.square();
  if (!signs.defined()) return squares;
  auto shape = std::vector<int64_t>(a.dim(), 1);
  shape[0] = signs.size(0);
  shape[1] = signs.size(1);
  return squares.mul_(signs.reshape(shape));
}

/// q[n, *f] = sum_v sign z^2 of columns in either form.
Tensor summed_squares(const Columns& columns) {
  if (columns.dense.defined()) return signed_squares(columns.dense, columns.signs).sum(0);
  auto squares = columns.diagonal.square();
  if (columns.signs.defined()) squares *= columns.signs;
  if (columns.first == 0 && columns.count == squares.numel() / squares.size(0)) return squares;
  auto part = at::zeros_like(squares);
  part.flatten(1).narrow(1, columns.first, columns.count).copy_(squares.flatten(1).narrow(1, columns.first, columns.count));
  return part;
}

}  // namespace

ParameterQuantities::ParameterQuantities(const ParameterInfo& info, Tensor value, const std::set<Need>& needs, bool penalty,
                                         const SampleCount& count)
    : info_(info), value_(std::move(value)), needs_(needs), count_(count), penalty_(penalty ? info.penalty : 0),
      gradient_penalty_(info.penalty * count.share()) {
  gradient_ = value_.grad();
  if (!gradient_.defined() || !gradient_.is_contiguous() || gradient_.options().dtype() != value_.dtype())
    gradient_ = at::empty(value_.sizes(), value_.options().requires_grad(false));
  for (const auto& need : needs_)
    if (need.what == What::block)
      blocks_[need.signal] = std::make_shared<HeldBlock>("block of " + info_.name + " in " + need.signal.to_string(),
                                                         info_.shape, penalty::of_block(need.signal, penalty_, count_));
}

ParameterQuantities::ParameterQuantities(const ParameterQuantities& whole, const std::set<Need>& needs, int64_t samples)
    : info_(whole.info_), value_(whole.value_), needs_(needs), count_{samples, whole.count_.batch_size},
      penalty_(whole.penalty_), gradient_penalty_(0) {}

ParameterQuantities ParameterQuantities::of_block(const std::set<Need>& needs, int64_t samples) const {
  return {*this, needs, samples};
}

void ParameterQuantities::finish_block() { add_penalty(); }

void ParameterQuantities::add(const LayerRule& rule, const LayerIO& io, const std::string& local_name, const SignalKey& key,
                              const Columns& columns, const TilePosition& tile, int64_t total_columns, std::size_t source) {
  const auto form = rule.form(local_name);
  if (!info_.shared && (form == ParamForm::weight || form == ParamForm::bias)) {
    add_affine(rule, io, local_name, key, columns, tile, total_columns);
    return;
  }
  const auto dense = columns.written_out();
  if (key == SignalKey::gradient() && takes_gradient()) add_gradient(rule.sum_param_jac_t(io, local_name, dense.dense));
  if (!reads_columns(key)) return;
  const auto own = rule.param_jac_t(io, local_name, dense.dense);
  if (needs(What::output_factor, key)) add_output_factor(rule, io, form, key, dense.dense, own);
  if (!info_.shared) {
    add_from_columns(key, own, dense.signs, tile, total_columns);
    return;
  }
  auto& pending = pending_[source];
  pending = {key, pending.columns.defined() ? pending.columns + own : own, dense.signs, tile, total_columns};
}

void ParameterQuantities::end_uses() {
  for (const auto& [source, sum] : pending_) add_from_columns(sum.key, sum.columns, sum.signs, sum.tile, sum.total_columns);
  pending_.clear();
}

bool ParameterQuantities::needs_products(const SignalKey& key) const {
  return std::any_of(needs_.begin(), needs_.end(), [&](const Need& need) {
    return (need.what == What::product || need.what == What::block) && need.signal == key;
  });
}

void ParameterQuantities::add_products(const SignalKey& key, const ParameterColumns& columns) {
  for (const auto& need : needs_)
    if (need.what == What::product && need.signal == key) {
      auto& sum = values_[need];
      const auto part = product(columns, vectors_.at(need.vectors), need.signs);
      sum = sum.defined() ? sum.add_(part) : part;
    }
  if (needs(What::block, key)) blocks_.at(key)->add(columns);
}

void ParameterQuantities::add_residual(const Columns& columns, const TilePosition& tile) {
  add_from_columns(SignalKey::hessian_residuals(), columns.dense, columns.signs, tile, 0);
}

/// Everything from written-out columns [V, n, *p]: always right, for any kind of parameter.
void ParameterQuantities::add_from_columns(const SignalKey& key, const Tensor& a, const Tensor& signs,
                                           const TilePosition& tile, int64_t total_columns, bool with_squares) {
  if (needs(What::sum, key) && !(key == SignalKey::gradient())) accumulate(What::sum, key, a.sum(c10::IntArrayRef{0, 1}));
  if (needs(What::variance, key)) {
    const auto wide = a[0].to(at::kDouble);
    accumulate_moments(wide.sum(0), wide.square().sum(0));
  }
  if (with_squares && needs(What::sum_squares, key))
    accumulate(What::sum_squares, key, signed_squares(a, signs).sum(0).sum(0));
  if (needs_products(key)) add_products(key, {a, {}, {}, signs, nullptr, {}});
  join_from_columns(key, a, signs, tile, total_columns, with_squares);
}

/// What keeps the sample axis; here the penalty enters sample by sample.
void ParameterQuantities::join_from_columns(const SignalKey& key, Tensor a, const Tensor& signs, const TilePosition& tile,
                                            int64_t total_columns, bool with_squares) {
  if (!needs(What::columns, key) && !needs(What::squared_norms, key) && !needs(What::sample_squares, key)) return;
  if (const auto share = penalty::per_sample(key, value_.detach(), penalty_, tile.of.batch_size); share.defined()) a = a + share;
  if (needs(What::columns, key)) join(What::columns, key, a, 1, tile, total_columns);
  if (needs(What::squared_norms, key)) join(What::squared_norms, key, a.flatten(2).square().sum(2), 1, tile, total_columns);
  if (with_squares && needs(What::sample_squares, key))
    join(What::sample_squares, key, signed_squares(a, signs).sum(0), 0, tile, total_columns);
}

void ParameterQuantities::add_affine(const LayerRule& rule, const LayerIO& io, const std::string& local_name,
                                     const SignalKey& key, const Columns& columns, const TilePosition& tile,
                                     int64_t total_columns) {
  const bool is_weight = rule.form(local_name) == ParamForm::weight;
  if (is_weight && key == SignalKey::gradient()) {
    if (takes_gradient()) add_weight_gradient(rule, io, local_name, columns.dense);
    if (!reads_columns(key)) return;
  }
  const auto x = is_weight ? input_of(rule, io) : Tensor();
  const bool squares_done = add_squares_of_sums(rule, io, local_name, key, columns, x, tile, total_columns);
  if (!needs_written_out(key, squares_done)) return;

  const auto dense = columns.written_out();
  const auto z = rule.affine_columns(io, dense.dense);  // [V, n, S, G, C]
  if (needs(What::output_factor, key)) accumulate(What::output_factor, key, affine::output_moment(z));
  if (!is_weight) {
    const auto a = rule.from_affine(local_name, z.sum(2));
    if (key == SignalKey::gradient() && takes_gradient()) add_gradient(a.sum(c10::IntArrayRef{0, 1}));
    add_from_columns(key, a, dense.signs, tile, total_columns, !squares_done);
    return;
  }
  if (needs(What::sum, key) && !(key == SignalKey::gradient()))
    accumulate(What::sum, key, rule.from_affine(local_name, affine::sum(z, x)));
  if (needs_products(key)) add_products(key, {{}, z, x, dense.signs, &rule, local_name});
  add_weight_values(rule, local_name, key, z, dense.signs, x, tile, total_columns, !squares_done);
}

/// Straight into grad() where the layer is one product of matrices, else in the rule's own way.
void ParameterQuantities::add_weight_gradient(const LayerRule& rule, const LayerIO& io, const std::string& local_name,
                                              const Tensor& columns) {
  if (!gradient_started_ && gradient_.dim() == 2) {
    const auto z = rule.affine_columns(io, columns), x = rule.affine_input(io);
    if (z.size(0) == 1 && z.size(2) == 1 && z.size(3) == 1) {
      at::mm_out(gradient_, z.reshape({-1, z.size(4)}).t(), x.reshape({-1, x.size(3)}));
      gradient_started_ = true;
      return;
    }
  }
  add_gradient(rule.sum_param_jac_t(io, local_name, columns));
}

/// With one position and one group squares only need q[n,c] = sum_v sign z^2, and a diagonal residual is never written
/// out. True if the squares of this signal are always made this way here, whatever else is asked for.
bool ParameterQuantities::add_squares_of_sums(const LayerRule& rule, const LayerIO& io, const std::string& local_name,
                                              const SignalKey& key, const Columns& columns, const Tensor& x,
                                              const TilePosition& tile, int64_t total_columns) {
  if (key == SignalKey::gradient()) return false;
  if (!needs(What::sum_squares, key) && !needs(What::sample_squares, key)) return true;
  const auto probe = rule.affine_columns(io, columns.dense.defined() ? columns.dense.narrow(0, 0, 1)
                                                                     : columns.diagonal.unsqueeze(0));
  if (probe.size(2) != 1 || probe.size(3) != 1) return false;
  const auto shaped = [&](const Tensor& value) { return rule.from_affine(local_name, value); };
  const auto q = summed_squares(columns).reshape({io.samples(), -1});
  if (needs(What::sum_squares, key))
    accumulate(What::sum_squares, key, shaped(x.defined() ? affine::sum_squares_from(q, x) : q.sum(0).unsqueeze(0)));
  if (needs(What::sample_squares, key))
    join(What::sample_squares, key, shaped(x.defined() ? affine::sample_squares_from(q, x) : q.unsqueeze(1)), 0, tile,
         total_columns);
  return true;
}

/// Whether somebody reads more of this signal than squares.
bool ParameterQuantities::needs_written_out(const SignalKey& key, bool squares_done) const {
  if (key == SignalKey::gradient() || !squares_done) return true;
  return needs(What::columns, key) || needs(What::squared_norms, key) || needs(What::output_factor, key) ||
         needs(What::sum, key) || needs_products(key);
}

/// The weight's derived quantities from z and x, without individual gradients where nobody asked for them.
void ParameterQuantities::add_weight_values(const LayerRule& rule, const std::string& local_name, const SignalKey& key,
                                            const Tensor& z, const Tensor& signs, const Tensor& x,
                                            const TilePosition& tile, int64_t total_columns, bool with_squares) {
  if (x.size(1) > 1) {
    add_fused_values(rule, local_name, key, z, signs, x, tile, total_columns);
    return;
  }
  const auto shaped = [&](const Tensor& value) { return rule.from_affine(local_name, value); };
  if (needs(What::variance, key)) {
    const auto wide_z = z.to(at::kDouble), wide_x = x.to(at::kDouble);
    accumulate_moments(shaped(affine::sum(wide_z, wide_x)), shaped(affine::sum_squares(wide_z, {}, wide_x)));
  }
  if (with_squares && needs(What::sum_squares, key))
    accumulate(What::sum_squares, key, shaped(affine::sum_squares(z, signs, x)));
  // Each value has one way of being computed, whatever else is asked for: an extension must change no other number.
  const bool penalised = penalty_ != 0 && key == SignalKey::gradient();
  Tensor individual;
  if (needs(What::columns, key) || (penalised && needs(What::sample_squares, key))) {
    individual = shaped(affine::columns(z, x));
    if (penalised) individual += penalty::per_sample(key, value_.detach(), penalty_, tile.of.batch_size);
  }
  if (needs(What::columns, key)) join(What::columns, key, individual, 1, tile, total_columns);
  if (needs(What::squared_norms, key))
    add_norms(rule, local_name, key, affine::squared_norms(z, x), z, x, tile, total_columns);
  if (with_squares && needs(What::sample_squares, key))
    join(What::sample_squares, key, penalised ? individual.square().sum(0) : shaped(affine::sample_squares(z, signs, x)), 0,
         tile, total_columns);
}

void ParameterQuantities::add_norms(const LayerRule& rule, const std::string& local_name, const SignalKey& key, Tensor norms,
                                    const Tensor& z, const Tensor& x, const TilePosition& tile, int64_t total_columns) {
  if (penalty_ != 0 && key == SignalKey::gradient()) {
    const auto w = value_.detach();
    const auto products = affine::inner_products(z, x, rule.to_affine(local_name, w, {z.size(3), z.size(4), x.size(3)}));
    norms += penalty::norm_correction(products, w, penalty_, tile.of.batch_size);
  }
  join(What::squared_norms, key, norms, 1, tile, total_columns);
}

const Tensor& ParameterQuantities::input_of(const LayerRule& rule, const LayerIO& io) {
  if (!input_.defined()) input_ = rule.affine_input(io);
  return input_;
}

/// Whether a signal's columns at this parameter are read by anything but the gradient.
bool ParameterQuantities::reads_columns(const SignalKey& key) const {
  const Need gradient{What::sum, SignalKey::gradient()};
  return std::any_of(needs_.begin(), needs_.end(), [&](const Need& need) {
    return need.signal == key && need.what != What::input_factor && !(need == gradient);
  });
}

/// Of an embedding, as of a weight: sum_{v,n} z z^T with the positions summed that read a row. Of a scale: the block sum_{v,n} a a^T itself.
void ParameterQuantities::add_output_factor(const LayerRule& rule, const LayerIO& io, ParamForm form, const SignalKey& key,
                                            const Tensor& columns, const Tensor& own) {
  if (form == ParamForm::embedding) {
    const auto reads = rule.affine_input(io).ge(0).to(columns.scalar_type());  // [n, S]
    const auto z = rule.affine_columns(io, columns);                           // [V, n, S, 1, C]
    accumulate(What::output_factor, key, affine::output_moment(z * reads.reshape({1, z.size(1), z.size(2), 1, 1})));
    return;
  }
  const auto rows = own.reshape({-1, value_.numel()});
  accumulate(What::output_factor, key, rows.t().mm(rows));
}

void ParameterQuantities::add_input(const LayerRule& rule, const LayerIO& io, int64_t batch_size) {
  const Need need{What::input_factor, SignalKey::gradient()};
  if (!has_input_factor(info_.form) || !needs_.count(need)) return;
  const auto& x = input_of(rule, io);
  if (info_.form == ParamForm::weight) {
    accumulate(need.what, need.signal, affine::input_moment(x).div_(static_cast<double>(batch_size)));
    return;
  }
  const auto rows = x.flatten();  // of an embedding: how often each is read
  const auto counts = at::bincount(rows.index({rows.ge(0)}), {}, value_.size(0)).to(value_.scalar_type());
  accumulate(need.what, need.signal, counts / static_cast<double>(batch_size));
}

void ParameterQuantities::accumulate(What what, const SignalKey& key, const Tensor& value) {
  auto& sum = values_[{what, key}];
  sum = sum.defined() ? sum.add_(value) : value;
}

/// Puts a tile's value into the whole: axis 0 is V where `sample_axis` is 1; sample_squares (axis 0 is N) add over V.
void ParameterQuantities::join(What what, const SignalKey& key, const Tensor& value, int64_t sample_axis,
                               const TilePosition& tile, int64_t total_columns) {
  auto& whole = values_[{what, key}];
  const bool has_columns = sample_axis == 1;
  if (!whole.defined()) {
    if (tile.whole() && (!has_columns || value.size(0) == total_columns)) {
      whole = value;
      return;
    }
    auto shape = value.sizes().vec();
    shape[sample_axis] = tile.of.samples;
    if (has_columns) shape[0] = total_columns;
    whole = at::zeros(shape, value.options());
  }
  auto part = whole.narrow(sample_axis, tile.first_sample, tile.samples);
  if (has_columns) part = part.narrow(0, tile.first_column, value.size(0));
  part.add_(value);
}

void ParameterQuantities::accumulate_moments(const Tensor& sum, const Tensor& sum_of_squares) {
  moment1_ = moment1_.defined() ? moment1_.add_(sum) : sum;
  moment2_ = moment2_.defined() ? moment2_.add_(sum_of_squares) : sum_of_squares;
}

void ParameterQuantities::add_gradient(const Tensor& sum) {
  if (gradient_started_) gradient_.add_(sum);
  else gradient_.copy_(sum);
  gradient_started_ = true;
}

void ParameterQuantities::finish() {
  const auto key = SignalKey::gradient();
  if (count_.samples == 1 && moment1_.defined()) {
    // Two ways of forming one square differ by rounding; a single sample does not vary at all.
    values_[{What::variance, key}] = at::zeros(info_.shape, value_.options().requires_grad(false));
  } else if (moment1_.defined()) {
    const double n = static_cast<double>(count_.samples);
    const auto mean = moment1_.div_(n);
    values_[{What::variance, key}] =
        (moment2_.div_(n) - mean.square()).clamp_min_(0).to(value_.scalar_type());
  }
  add_penalty();
  add_penalty_to_products();
  values_[{What::sum, key}] = gradient_;
  if (gradient_penalty_ != 0) {
    if (penalty_ == 0) values_[{What::sum, key}] = gradient_.clone();
    gradient_.add_(value_.detach(), gradient_penalty_);
  }
  value_.mutable_grad() = gradient_;
}

void ParameterQuantities::add_penalty() {
  if (penalty_ == 0) return;
  for (auto& [need, value] : values_) penalty::complete(need, value, value_.detach(), gradient_, penalty_, count_);
}

/// Products of a square root are with the block + c I, of a part of the samples with its share.
void ParameterQuantities::add_penalty_to_products() {
  for (const auto& need : needs_) {
    if (need.what != What::product) continue;
    const auto& vectors = vectors_.at(need.vectors);
    auto& value = values_[need];
    if (!value.defined()) value = at::zeros_like(vectors);
    if (const double c = penalty::of_block(need.signal, penalty_, count_); c != 0) value.add_(vectors, c);
  }
}

std::vector<std::shared_ptr<HeldBlock>> ParameterQuantities::blocks() const {
  std::vector<std::shared_ptr<HeldBlock>> result;
  for (const auto& [key, block] : blocks_) result.push_back(block);
  return result;
}

void ParameterQuantities::clear() {
  values_.clear();
  vectors_.clear();
  blocks_.clear();
}

const Tensor& ParameterQuantities::value(const Need& need) const {
  static const Tensor absent;
  const auto found = values_.find(need);
  return found == values_.end() ? absent : found->second;
}

}  // namespace backobs
