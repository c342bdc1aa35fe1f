// SPDX-License-Identifier: MIT
// The quantities of docs/quantities.md, held against brute force by the names defined there: what calls itself so promises
// that definition, whoever wrote it. Where draws or averages over layers stand between, an identity is left.
#include <backobs/error.h>
#include <backobs/product.h>
#include <backobs/testing/brute_force.h>
#include <backobs/testing/extension_contract.h>

#include "testing/configurations.h"

#include <ATen/ATen.h>

#include <map>
#include <optional>

namespace backobs::testing {
namespace {

Tensor diagonals(const Tensor& blocks) { return at::diagonal(blocks, 0, 1, 2); }  // [N, P]

/// The result itself, as [*p] or [N, *p], against entries [P] or [N, P].
std::pair<Tensor, Tensor> direct(const TensorList& result, const Tensor& wanted) {
  return {result.at(0), wanted.numel() == result.at(0).numel() ? wanted.reshape(result.at(0).sizes()) : wanted};
}

using Truth = const ParameterTruth&;

/// J_n^T H_n J_n, [N, P, P]: roots and Kronecker factors know no penalty.
Tensor bare_ggn(const BruteForce& brute, const std::string& parameter) {
  const auto j = brute.jacobians(parameter);
  return j.transpose(1, 2).matmul(brute.loss_hessian()).matmul(j);
}

/// The block of the bias that belongs to this weight, [C, C]; nothing where there is none.
std::optional<Tensor> block_of_bias(Truth truth) {
  const auto name = truth.name();
  try {
    return bare_ggn(truth.brute(), name.substr(0, name.rfind('.')) + ".bias").sum(0);
  } catch (const ComputeError&) {
    return std::nullopt;
  }
}

/// The symmetric positive semi-definite matrix nearest to this one.
Tensor nearest_curvature(const Tensor& matrix) {
  const auto [values, vectors] = at::linalg_eigh((matrix + matrix.t()) / 2);
  return (vectors * values.clamp_min(0)).matmul(vectors.t());
}

/// Kronecker factors as one list of entries, beside the curvature matrices next to them.
std::pair<Tensor, Tensor> factors(const TensorList& result, const std::optional<Tensor>& first = std::nullopt) {
  TensorList found, wanted;
  for (const auto& factor : result) {
    found.push_back(factor.flatten());
    wanted.push_back((wanted.empty() && first ? *first : nearest_curvature(factor)).flatten());
  }
  return {at::cat(found), at::cat(wanted)};
}
std::pair<Tensor, Tensor> exact_factors(Truth truth, const TensorList& result) {
  return factors(result, result.size() == 1 ? bare_ggn(truth.brute(), truth.name()).sum(0) : block_of_bias(truth));
}

/// sum_v S S^T of a root [V, N, *p] against the block of each sample.
std::pair<Tensor, Tensor> exact_root(Truth truth, const TensorList& result) {
  const auto root = result.at(0).flatten(2);
  return {at::einsum("vnp,vnq->npq", {root, root}), bare_ggn(truth.brute(), truth.name())};
}
/// Whatever is drawn, a column lies in the range of its sample's block.
std::pair<Tensor, Tensor> drawn_root(Truth truth, const TensorList& result) {
  const auto blocks = bare_ggn(truth.brute(), truth.name()), root = result.at(0).flatten(2);
  const auto range = blocks.matmul(at::linalg_pinv(blocks, 1e-9, /*hermitian=*/true));
  return {at::einsum("npq,vnq->vnp", {range, root}), root};
}

/// The vectors that a product with default options multiplies with at step 0, [K, P].
Tensor default_vectors(Truth truth, const Tensor& result) {
  ParameterInfo parameter;
  parameter.name = truth.name();
  parameter.shape = result.sizes().slice(1).vec();
  return ProductVectors(plain_options(ProductVectors::schema())).of(parameter, {}).flatten(1).to(result.scalar_type());
}
/// Positive curvature is not less than that of the Gauss-Newton block.
std::pair<Tensor, Tensor> positive_product(Truth truth, const TensorList& result) {
  const auto v = default_vectors(truth, result.at(0));
  const auto more = ((result[0].flatten(1) - v.matmul(truth.ggn().sum(0))) * v).sum(1);
  return {more, more.clamp_min(0)};
}

using Definitions = std::map<std::string, Reference>;

Definitions definitions() {
  const auto of = [](auto formula) {
    return [formula](const ParameterTruth& truth, const TensorList& result) { return direct(result, formula(truth)); };
  };
  const auto product = [](auto block) {
    return [block](Truth truth, const TensorList& result) {
      return std::pair(result.at(0).flatten(1), default_vectors(truth, result.at(0)).matmul(block(truth)));
    };
  };
  const Reference not_negative = [](Truth, const TensorList& result) {
    return std::pair(result.at(0), result.at(0).clamp_min(0));
  };
  const Reference curvature = [](Truth, const TensorList& result) { return factors(result); };
  Definitions table;
  table["grad_batch"] = of([](Truth t) { return t.gradients(); });
  table["batch_l2"] = of([](Truth t) { return t.gradients().flatten(1).square().sum(1); });
  table["sum_grad_squared"] = of([](Truth t) { return t.gradients().square().sum(0); });
  table["variance"] = of([](Truth t) { return (t.gradients() - t.gradients().mean(0)).square().mean(0); });
  table["diag_ggn_exact"] = of([](Truth t) { return diagonals(t.ggn()).sum(0); });
  table["diag_ggn_exact_batch"] = of([](Truth t) { return diagonals(t.ggn()); });
  table["diag_h"] = of([](Truth t) { return diagonals(t.hessians()).sum(0); });
  table["diag_h_batch"] = of([](Truth t) { return diagonals(t.hessians()); });
  table["diag_ggn_mc"] = table["diag_ggn_mc_batch"] = not_negative;
  table["sqrt_ggn_exact"] = exact_root;
  table["sqrt_ggn_mc"] = drawn_root;
  table["ggnmp"] = product([](Truth t) { return t.ggn().sum(0); });
  table["hmp"] = product([](Truth t) { return t.hessians().sum(0); });
  table["pchmp"] = positive_product;
  table["kflr"] = exact_factors;
  table["kfac"] = table["kfra"] = curvature;
  return table;
}

}  // namespace

Tensor ParameterTruth::gradients() const { return brute_.gradients(name_); }
Tensor ParameterTruth::ggn() const { return brute_.ggn(name_); }
Tensor ParameterTruth::hessians() const { return brute_.hessians(name_); }

Reference reference_of(const std::string& quantity) {
  static const auto& table = *new Definitions(definitions());
  const auto found = table.find(quantity);
  return found == table.end() ? Reference() : found->second;
}

}  // namespace backobs::testing
