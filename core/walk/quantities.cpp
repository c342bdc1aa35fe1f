// SPDX-License-Identifier: MIT
#include "walk/quantities.h"

#include "kernels/affine.h"
#include "walk/penalty.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace backobs {

using What = Need::What;

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

void ParameterQuantities::add(const std::string& local_name, Arrival& arrival) {
  const auto& key = arrival.key;
  const bool is_for_grad = key == SignalKey::gradient() && takes_gradient();
  if (!is_for_grad && !reads_columns(key)) return;  // before anything is unfolded for it
  const auto form = arrival.rule.form(local_name);
  if (!info_.shared && (form == ParamForm::weight || form == ParamForm::bias)) {
    add_affine(local_name, arrival);
    return;
  }
  const auto& dense = arrival.dense();
  if (is_for_grad)
    add_gradient(arrival.rule.sum_param_jac_t(arrival.io, local_name, dense.dense));
  if (!reads_columns(key)) return;
  const auto own = arrival.rule.param_jac_t(arrival.io, local_name, dense.dense);
  if (needs(What::output_factor, key)) add_output_factor(form, arrival, own);
  if (!info_.shared) {
    add_from_columns(key, own, dense.signs, arrival.tile, arrival.total_columns);
    return;
  }
  auto& pending = pending_[arrival.source];
  pending = {key, pending.columns.defined() ? pending.columns + own : own, dense.signs, arrival.tile, arrival.total_columns};
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

/// Whether a signal's columns at this parameter are read by anything but the gradient.
bool ParameterQuantities::reads_columns(const SignalKey& key) const {
  const Need gradient{What::sum, SignalKey::gradient()};
  return std::any_of(needs_.begin(), needs_.end(), [&](const Need& need) {
    return need.signal == key && need.what != What::input_factor && !(need == gradient);
  });
}

/// Of an embedding, as of a weight: sum_{v,n} z z^T with the positions summed that read a row. Of a scale: the block sum_{v,n} a a^T itself.
void ParameterQuantities::add_output_factor(ParamForm form, Arrival& arrival, const Tensor& own) {
  if (form == ParamForm::embedding) {
    const auto& z = arrival.z();                                                                 // [V, n, S, 1, C]
    const auto reads = arrival.rule.affine_input(arrival.io).ge(0).to(z.scalar_type());          // [n, S]
    const auto read = (z * reads.reshape({1, z.size(1), z.size(2), 1, 1})).sum(2);
    accumulate(What::output_factor, arrival.key, affine::output_moment(read));
    return;
  }
  const auto rows = own.reshape({-1, value_.numel()});
  accumulate(What::output_factor, arrival.key, rows.t().mm(rows));
}

void ParameterQuantities::add_input(const LayerRule& rule, const LayerIO& io, int64_t batch_size) {
  const Need need{What::input_factor, SignalKey::gradient()};
  if (!has_input_factor(info_.form) || !needs_.count(need)) return;
  if (info_.form == ParamForm::weight) {
    accumulate(need.what, need.signal, input_moment(rule, io, 1.0 / static_cast<double>(batch_size)));
    return;
  }
  const auto rows = input_of(rule, io).flatten();  // of an embedding: how often each is read
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
  if (count_.samples == 1 && needs(What::variance, key)) {
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
