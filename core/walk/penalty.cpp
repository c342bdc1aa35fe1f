// SPDX-License-Identifier: MIT
#include "walk/penalty.h"

#include <ATen/ATen.h>

namespace backobs::penalty {

Tensor per_sample(const SignalKey& key, const Tensor& w, double c, int64_t batch_size) {
  if (c == 0 || key.kind != SignalKey::Kind::gradient) return {};
  return w * (c / static_cast<double>(batch_size));
}

Tensor norm_correction(const Tensor& inner_products, const Tensor& w, double c, int64_t batch_size) {
  const double share = c / static_cast<double>(batch_size);
  return inner_products * (2 * share) + w.square().sum() * (share * share);
}

void complete(const Need& need, Tensor& value, const Tensor& w, const Tensor& g, double c, int64_t batch_size) {
  using Kind = SignalKey::Kind;
  const double n = static_cast<double>(batch_size);
  const bool root = need.signal.kind == Kind::sqrt_ggn_exact || need.signal.kind == Kind::sqrt_ggn_mc;
  if (need.what == Need::What::sum_squares && need.signal.kind == Kind::gradient)
    value.add_(w * g, 2 * c / n).add_(w.square(), c * c / n);
  else if (need.what == Need::What::sum_squares && root)
    value.add_(c);
  else if (need.what == Need::What::sample_squares && root)
    value.add_(c / n);
}

}  // namespace backobs::penalty
