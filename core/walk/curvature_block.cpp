// SPDX-License-Identifier: MIT
#include "walk/curvature_block.h"

#include "kernels/affine.h"

#include <backobs/error.h>

#include <ATen/ATen.h>

#include <sstream>

namespace backobs {
namespace {

/// [V, n], or undefined where every column counts +1.
Tensor counted(const Tensor& signs, Signs choice) {
  if (!signs.defined() || choice == Signs::absolute) return signs.defined() ? signs.abs() : signs;
  return choice == Signs::positive ? signs.clamp_min(0) : signs;
}

Tensor product_written(const Tensor& a, const Tensor& vectors, const Tensor& signs) {
  const auto rows = a.flatten(2).flatten(0, 1);                 // [V n, P]
  auto coefficients = rows.mm(vectors.flatten(1).t());          // [V n, K]
  if (signs.defined()) coefficients *= signs.reshape({-1, 1});
  return coefficients.t().mm(rows).reshape(vectors.sizes());
}

/// vec_k x of the affine map, [n, S, G, C, Kv].
Tensor outputs_of(const Tensor& vectors, const Tensor& x) {
  const auto count = vectors.size(0), groups = vectors.size(1), outputs = vectors.size(2), inputs = vectors.size(3);
  const auto rows = x.reshape({-1, groups, inputs}).transpose(0, 1);                          // [G, n S, K]
  const auto maps = vectors.permute({1, 3, 2, 0}).reshape({groups, inputs, outputs * count});  // [G, K, C Kv]
  return rows.bmm(maps).transpose(0, 1).reshape({x.size(0), x.size(1), groups, outputs, count});
}

Tensor product_of_factors(const Tensor& z, const Tensor& x, const Tensor& vectors, const Tensor& signs) {
  const auto samples = z.size(1);
  const auto by_sample = z.transpose(0, 1).reshape({samples, z.size(0), -1});                         // [n, V, S G C]
  auto coefficients = by_sample.bmm(outputs_of(vectors, x).reshape({samples, -1, vectors.size(0)}));  // [n, V, Kv]
  if (signs.defined()) coefficients *= signs.t().unsqueeze(2);
  const auto weighed = coefficients.transpose(1, 2).bmm(by_sample);                                   // [n, Kv, S G C]
  TensorList result;
  for (int64_t k = 0; k < vectors.size(0); ++k)
    result.push_back(affine::sum(weighed.select(1, k).reshape(z.sizes().slice(1)).unsqueeze(0), x));
  return at::stack(result);
}

}  // namespace

Tensor product(const ParameterColumns& a, const Tensor& vectors, Signs choice) {
  const auto signs = counted(a.signs, choice);
  if (a.written.defined()) return product_written(a.written, vectors, signs);
  const auto affine_vectors = a.rule->to_affine(a.local_name, vectors, {a.z.size(3), a.z.size(4), a.x.size(3)});
  return a.rule->from_affine(a.local_name, product_of_factors(a.z, a.x, affine_vectors, signs));
}

CurvatureBlock::~CurvatureBlock() = default;

HeldBlock::HeldBlock(std::string where, std::vector<int64_t> shape, double penalty)
    : where_(std::move(where)), shape_(std::move(shape)), penalty_(penalty) {}

void HeldBlock::add(ParameterColumns columns) {
  (columns.written.defined() ? columns.written : columns.z) = (columns.written.defined() ? columns.written : columns.z).clone();
  columns_.push_back(std::move(columns));
}

void HeldBlock::release() {
  columns_.clear();
  released_ = true;
}

Tensor HeldBlock::multiply(const Tensor& vectors, Signs signs) const {
  const at::NoGradGuard no_grad;
  if (released_) throw ComputeError(where_, "a product after its pass", "one before the next pass and release()");
  const bool one = vectors.dim() == static_cast<int64_t>(shape_.size());
  const auto stack = one ? vectors.unsqueeze(0) : vectors;
  if (stack.dim() == 0 || stack.sizes().slice(1) != at::IntArrayRef(shape_)) {
    std::ostringstream found, wanted;
    found << "vectors of shape " << vectors.sizes();
    wanted << at::IntArrayRef(shape_) << ", or a stack of them";
    throw ComputeError(where_, found.str(), wanted.str());
  }
  auto sum = stack * penalty_;
  for (const auto& columns : columns_) sum += product(columns, stack, signs);
  return one ? sum.squeeze(0) : sum;
}

}  // namespace backobs
