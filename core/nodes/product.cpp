// SPDX-License-Identifier: MIT
#include "nodes/axes.h"
#include "signals/columns.h"

#include <backobs/nodes.h>

namespace backobs::nodes {
namespace {

class Product final : public LayerRule {
 public:
  std::string type() const override { return "Product"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    require_equal_shapes(type(), inputs, 2);
    return inputs[0] * inputs[1];
  }
  bool records_graph() const override { return false; }
  bool reads_output() const override { return false; }

  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    return {columns * io.inputs[1], columns * io.inputs[0]};
  }
  /// Entry by entry the Hessian in (x_1, x_2) is g [0 1; 1 0] = g/2 [(1,1)(1,1)^T - (1,-1)(1,-1)^T].
  Residual residual(const LayerIO&, const Tensor& grad) const override {
    const auto features = grad.numel() / grad.size(0);
    const auto half = written_out((grad.abs() / 2).sqrt(), 0, features);
    const auto sign = grad.flatten(1).t().sign();
    Residual residual;
    residual.factors = {at::cat({half, half}), at::cat({half, -half})};
    residual.signs = at::cat({sign, -sign});
    return residual;
  }
};

}  // namespace

Rule product() { return std::make_shared<const Product>(); }

}  // namespace backobs::nodes
