// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>
#include <backobs/product.h>

#include <memory>
#include <string>
#include <vector>

namespace backobs {

/// Columns A[v,n] of one parameter for the samples of a tile: written out, or as the two factors of an affine weight.
struct ParameterColumns {
  Tensor written;  ///< [V, n, *p]; undefined where the factors stand for it
  Tensor z, x;     ///< A[v,n,g,c,k] = sum_s z[v,n,s,g,c] x[n,s,g,k]; see kernels/affine.h
  Tensor signs;    ///< [V, n]; undefined means +1
  const LayerRule* rule = nullptr;  ///< of the factors: turns [G, C, K] into *p
  std::string local_name;
};

/// sum_{v,n} sign A[v,n] <A[v,n], vec_k> for vectors [K, *p]: [K, *p]. With factors no column is written out: the
/// coefficients <A, vec_k> are sum_s z . (vec_k x), and their sum weighs z before it meets x once per vector.
Tensor product(const ParameterColumns& columns, const Tensor& vectors, Signs signs);

/// The operator sum over all tiles, + c of the penalty.
class HeldBlock final : public CurvatureBlock {
 public:
  HeldBlock(std::string where, std::vector<int64_t> shape, double penalty);

  /// Keeps a copy of the columns, whose memory the walk uses again; the layer's input is shared.
  void add(ParameterColumns columns);
  Tensor multiply(const Tensor& vectors, Signs signs) const override;
  void release() override;

 private:
  std::string where_;
  std::vector<int64_t> shape_;
  double penalty_;
  bool released_ = false;
  std::vector<ParameterColumns> columns_;
};

}  // namespace backobs
