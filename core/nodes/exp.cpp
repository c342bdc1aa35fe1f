// SPDX-License-Identifier: MIT
#include <backobs/nodes.h>

#include <ATen/ATen.h>

namespace backobs::nodes {
namespace {

/// y = exp(x) = f' = f''.
class Exp final : public ElementwiseRule {
 public:
  std::string type() const override { return "Exp"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override { return at::exp(inputs[0]); }
  bool reads_inputs() const override { return false; }
  Tensor df(const LayerIO& io) const override { return io.output; }
  Tensor d2f(const LayerIO& io) const override { return io.output; }
};

}  // namespace

Rule exp() { return std::make_shared<const Exp>(); }

}  // namespace backobs::nodes
