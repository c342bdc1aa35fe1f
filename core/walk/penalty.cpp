// SPDX-License-Identifier: MIT
#include "walk/penalty.h"

#include <ATen/ATen.h>

namespace backobs::penalty {
namespace {

bool is_root(const SignalKey& key) {
  return key.kind == SignalKey::Kind::sqrt_ggn_exact || key.kind == SignalKey::Kind::sqrt_ggn_mc;
}

}  // namespace

Tensor per_sample(const SignalKey& key, const Tensor& w, double c, int64_t batch_size) {
  if (c == 0 || key.kind != SignalKey::Kind::gradient) return {};
  return w * (c / static_cast<double>(batch_size));
}

Tensor norm_correction(const Tensor& inner_products, const Tensor& w, double c, int64_t batch_size) {
  const double share = c / static_cast<double>(batch_size);
  return inner_products * (2 * share) + w.square().sum() * (share * share);
}

void complete(const Need& need, Tensor& value, const Tensor& w, const Tensor& g, double c, const SampleCount& count) {
  const double n = static_cast<double>(count.batch_size);
  const bool root = is_root(need.signal);
  if (need.what == Need::What::sum_squares && need.signal.kind == SignalKey::Kind::gradient)
    value.add_(w * g, 2 * c / n).add_(w.square(), count.share() * c * c / n);
  else if (need.what == Need::What::sum_squares && root)
    value.add_(count.share() * c);
  else if (need.what == Need::What::sample_squares && root)
    value.add_(c / n);
}

double of_block(const SignalKey& key, double c, const SampleCount& count) { return is_root(key) ? count.share() * c : 0; }

}  // namespace backobs::penalty
