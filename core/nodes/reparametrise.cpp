// SPDX-License-Identifier: MIT
#include "nodes/axes.h"
#include "signals/columns.h"

#include <backobs/nodes.h>

namespace backobs::nodes {
namespace {

/// Saves d = e exp(s), which is dz/ds and d2z/ds2 at once.
class Reparametrise final : public LayerRule {
 public:
  std::string type() const override { return "Reparametrise"; }
  Tensor forward(const TensorList& inputs, const ForwardContext& context, TensorList& saved) const override {
    require_equal_shapes(type(), inputs, 2);
    // Drawn in double precision on the CPU, so that the noise agrees between dtypes and devices up to rounding.
    auto noise = at::empty(inputs[1].sizes(), at::kDouble);
    noise.normal_(0, 1, context.random.generator(Draw::noise, context.node));
    saved.push_back(noise.to(inputs[1].options().requires_grad(false)) * at::exp(inputs[1]));
    return inputs[0] + saved[0];
  }
  bool records_graph() const override { return false; }
  bool reads_inputs() const override { return false; }

  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override { return {columns, columns * io.saved[0]}; }
  /// Linear in the first input; diag(g d) in the second.
  Residual residual(const LayerIO& io, const Tensor& grad) const override {
    const auto diagonal = grad * io.saved[0];
    Residual residual;
    residual.factors = {Tensor(), written_out(diagonal.abs().sqrt(), 0, diagonal.numel() / diagonal.size(0))};
    residual.signs = diagonal.flatten(1).t().sign();
    return residual;
  }
};

}  // namespace

Rule reparametrise() { return std::make_shared<const Reparametrise>(); }

}  // namespace backobs::nodes
