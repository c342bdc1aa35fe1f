// SPDX-License-Identifier: MIT
#pragma once

#include "network/rule_table.h"
#include "network/signed_factors.h"

#include <ATen/ATen.h>

namespace backobs {

/// Normalisation inside each sample: its entries, in flat order, are cut into rows of D, and each row becomes
/// u = (x - mean) r, r = 1 / sqrt(var + eps), with the biased variance; then y = w u + b. Samples stay independent.
///
/// Index letters: v column, n sample, B rows of a sample, D entries of a row. The tape keeps r, [n, B], beside the input.
class RowNormalisationRule : public LayerRule {
 public:
  bool records_graph() const final { return false; }
  bool reads_output() const final { return false; }

  /// On a row, with c = w g: r (c - mean(c) - u mean(c u)).
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const final {
    const auto [u, r] = normalised(io);
    const auto c = in_rows(scaled(columns, io), u, 1);
    const auto centred = c - c.mean(-1, true) - u * (c * u).mean(-1, true);
    return {(centred * r).reshape(columns.sizes())};
  }
  /// On a row, with h = w g centred and a = <h, u>: -r^2/D [h u^T + u h^T + a (I - 1 1^T / D) - (3 a / D) u u^T].
  Residual residual(const LayerIO& io, const Tensor& grad) const final {
    const auto [u, r] = normalised(io);
    const auto g = in_rows(scaled(grad, io), u, 0);
    const auto h = g - g.mean(-1, true);
    const auto size = static_cast<double>(u.size(-1));
    const auto a = (h * u).sum(-1, true).unsqueeze(-1);
    const auto cross = h.unsqueeze(-1) * u.unsqueeze(-2);
    const auto inner = cross + cross.transpose(-1, -2) + a * (at::eye(u.size(-1), u.options()) - 1 / size) -
                       (3 / size) * a * u.unsqueeze(-1) * u.unsqueeze(-2);
    auto residual = signed_block_factors(inner * (-r.square() / size).unsqueeze(-1));
    auto shape = grad.sizes().vec();
    shape.insert(shape.begin(), residual.factors.front().size(0));
    residual.factors.front() = residual.factors.front().reshape(shape);
    return residual;
  }

  ParamForm form(const std::string& parameter) const final {
    return parameter == "weight" ? ParamForm::scale : ParamForm::bias;
  }
  /// u as the multiplicand of the scale.
  Tensor affine_input(const LayerIO& io) const final {
    const auto u = normalised(io).first.reshape(io.inputs[0].sizes());
    return affine_columns(io, u.unsqueeze(0)).squeeze(0);
  }

 protected:
  /// What forward saves: r of each row.
  static void save(const Tensor& inverse_deviation, int64_t samples, TensorList& saved) {
    saved.push_back(inverse_deviation.reshape({samples, -1}));
  }
  /// The scale, shaped so that it multiplies [n, *in]; undefined without one.
  virtual Tensor scale(const LayerIO& io) const = 0;

 private:
  /// u [n, B, D] and r [n, B, 1].
  static std::pair<Tensor, Tensor> normalised(const LayerIO& io) {
    const auto r = io.saved[0].unsqueeze(-1);
    const auto x = io.inputs[0].reshape({io.samples(), r.size(1), -1});
    return {(x - x.mean(-1, true)) * r, r};
  }
  /// [..., n, *in] as [..., n, B, D], with `before` axes in front of n.
  static Tensor in_rows(const Tensor& value, const Tensor& rows, int64_t before) {
    auto shape = rows.sizes().vec();
    if (before) shape.insert(shape.begin(), value.size(0));
    return value.reshape(shape);
  }
  Tensor scaled(const Tensor& value, const LayerIO& io) const {
    const auto w = scale(io);
    return w.defined() ? value * w : value;
  }
};

}  // namespace backobs
