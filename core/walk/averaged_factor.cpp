// SPDX-License-Identifier: MIT
#include "walk/quantities.h"

#include <ATen/ATen.h>

/// KFRA's factor of one parameter.
namespace backobs {

using What = Need::What;

namespace {

/// Of an embedding: A[c,c'] = (1/N) sum_n sum_{t,t'} m[n,t] m[n,t'] M[(c,t),(c',t')], m[n,t] = 1 where a row is read, else 0.
/// Rows of M come as columns at the output, [D, 1, *out].
Tensor averaged_over_reads(const LayerRule& rule, const LayerIO& io, const Tensor& rows, int64_t batch_size) {
  const auto one = io.narrow(0, 1);
  const auto reads = rule.affine_input(io).ge(0).to(rows.scalar_type());                         // [n, S]
  const auto weights = reads.t().mm(reads).div_(static_cast<double>(batch_size)).flatten();      // [S S]
  const auto half = rule.affine_columns(one, rows).squeeze(1).flatten(1);                        // [D, S C]
  auto shape = rows.sizes().vec();
  shape[0] = half.size(1);
  const auto z = rule.affine_columns(one, half.t().reshape(shape)).squeeze(3).squeeze(1);        // [S C, S', C']
  const auto positions = z.size(1), features = z.size(2);
  const auto pairs = z.reshape({positions, features, positions, features}).permute({1, 3, 0, 2});  // [C, C', S, S']
  return pairs.reshape({features * features, -1}).mv(weights).reshape({features, features});
}

}  // namespace

/// A[c,c'] = sum over positions t, t' of M[(c,t),(c',t')]: affine_columns on M's rows, then on what is left of its columns.
/// Of a scale: (1/N) sum_n J_n^T M J_n, J_n the Jacobian of the layer's output in the parameter.
void ParameterQuantities::add_averaged(const LayerRule& rule, const LayerIO& io, const std::string& local_name,
                                       const Tensor& mat, int64_t batch_size) {
  const auto key = SignalKey::averaged_curvature();
  if (!needs(What::output_factor, key)) return;
  auto shape = io.output.sizes().vec();
  shape[0] = 1;
  shape.insert(shape.begin(), -1);
  if (info_.form == ParamForm::scale) {
    for (int64_t n = 0; n < io.samples(); ++n) {
      const auto sample = io.narrow(n, 1);
      const auto half = rule.param_jac_t(sample, local_name, mat.reshape(shape)).reshape({mat.size(0), -1});      // M J
      const auto both = rule.param_jac_t(sample, local_name, half.t().reshape(shape)).reshape({half.size(1), -1});
      accumulate(What::output_factor, key, both / static_cast<double>(batch_size));
    }
    return;
  }
  if (info_.form == ParamForm::embedding) {
    accumulate(What::output_factor, key, averaged_over_reads(rule, io, mat.reshape(shape), batch_size));
    return;
  }
  const auto one = io.narrow(0, 1);
  const auto z = rule.affine_columns(one, mat.reshape(shape));                                 // [D, 1, S, G, C]
  if (z.size(2) == 1 && z.is_contiguous() && z.data_ptr() == mat.data_ptr()) {
    set_averaged(mat.clone(), z.size(3));  // one position in the order of the output: nothing to sum, nothing to turn round
    return;
  }
  const auto half = z.sum(2).flatten(1);                                                       // [D, G C]
  set_averaged(rule.affine_columns(one, half.t().reshape(shape)).sum(2).flatten(1).t(), z.size(3));
}

/// Groups are blocks of their own: [G, C, C].
void ParameterQuantities::set_averaged(const Tensor& sums, int64_t groups) {
  const Need need{What::output_factor, SignalKey::averaged_curvature()};
  if (!needs_.count(need)) return;
  const auto size = sums.size(0) / groups;
  values_[need] = groups == 1 ? sums : at::diagonal(sums.reshape({groups, size, groups, size}), 0, 0, 2).permute({2, 0, 1});
}

}  // namespace backobs
