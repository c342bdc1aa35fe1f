// SPDX-License-Identifier: MIT
#include "nodes/axes.h"

#include <backobs/nodes.h>

namespace backobs::nodes {
namespace {

/// Y = a X B, with B = X_2 or its transpose.
class Matmul final : public LayerRule {
 public:
  Matmul(bool transpose_second, double a) : transposed_(transpose_second), a_(a) {}
  std::string type() const override { return "Matmul"; }

  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    check(inputs);
    return at::matmul(inputs[0], turned(inputs[1])).mul_(a_);
  }
  bool records_graph() const override { return false; }
  bool reads_output() const override { return false; }

  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    const auto scaled = columns * a_;
    return {at::matmul(scaled, turned(io.inputs[1]).transpose(-1, -2)),
            turned(at::matmul(io.inputs[0].transpose(-1, -2), scaled))};
  }

  /// The Hessian of sum_ij G_ij Y_ij couples row i of X with B: entry (x_ik, b_kj) is a G_ij. With p the unit vector of x_ik
  /// times r_i and q the row a G_i / r_i at (b_k1, b_k2, …), it is the sum over i and k of
  ///     p q^T + q p^T = 1/2 [(p + q)(p + q)^T - (p - q)(p - q)^T];   r_i^2 = |a G_i| keeps p and q of one size.
  Residual residual(const LayerIO& io, const Tensor& grad) const override {
    const auto batch = grad.size(0), rows = grad.size(-2), columns = grad.size(-1), inner = io.inputs[0].size(-1);
    const auto g = (a_ * grad).reshape({batch, -1, rows, columns});  // [n, l, i, j], l the axes in front
    const auto leading = g.size(1);
    const auto root = g.square().sum(-1).sqrt().sqrt();              // r, [n, l, i]
    const auto q = at::where(root.unsqueeze(-1).gt(0), g / root.unsqueeze(-1), at::zeros_like(g));
    const auto unit = [&](int64_t size) { return at::eye(size, g.options()); };
    // R = (l, i, k) in front; then the entries (l', i', k') of X and (l', k', j) of B.
    const auto one = at::einsum("nli,lm,iu,kv->liknmuv", {root, unit(leading), unit(rows), unit(inner)});
    const auto two = at::einsum("nlij,lm,kv->liknmvj", {q, unit(leading), unit(inner)});
    const auto count = leading * rows * inner;
    auto x_shape = io.inputs[0].sizes().vec(), b_shape = turned(io.inputs[1]).sizes().vec();
    x_shape.insert(x_shape.begin(), count);
    b_shape.insert(b_shape.begin(), count);
    const auto half = 0.70710678118654752440;  // 1 / sqrt(2)
    const auto p = one.reshape(x_shape) * half, s = turned(two.reshape(b_shape)) * half;
    Residual residual;
    residual.factors = {at::cat({p, p}), at::cat({s, -s})};
    const auto ones = at::ones({count, batch}, grad.options());
    residual.signs = at::cat({ones, -ones});
    return residual;
  }

 private:
  Tensor turned(const Tensor& x) const { return transposed_ ? x.transpose(-1, -2) : x; }

  void check(const TensorList& inputs) const {
    if (inputs.size() != 2) throw ComputeError(type(), std::to_string(inputs.size()) + " inputs", "2");
    const auto& x = inputs[0];
    const auto b = turned(inputs[1]);
    const bool fits = x.dim() >= 3 && b.dim() == x.dim() && x.size(-1) == b.size(-2) &&
                      x.sizes().slice(0, x.dim() - 2) == b.sizes().slice(0, b.dim() - 2);
    if (fits) return;
    throw ComputeError(type(), "inputs that do not fit",
                       transposed_ ? "[N, *, I, K] and [N, *, J, K]" : "[N, *, I, K] and [N, *, K, J]");
  }

  bool transposed_;
  double a_;
};

}  // namespace

Rule matmul(bool transpose_second, double a) { return std::make_shared<const Matmul>(transpose_second, a); }

}  // namespace backobs::nodes
