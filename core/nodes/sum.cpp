// SPDX-License-Identifier: MIT
#include "nodes/axes.h"

#include <backobs/nodes.h>

namespace backobs::nodes {
namespace {

class Sum final : public LinearMap {
 public:
  std::string type() const override { return "Sum"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    require_equal_shapes(type(), inputs, 0);
    auto result = inputs[0];
    for (std::size_t i = 1; i < inputs.size(); ++i) result = i == 1 ? result + inputs[i] : result.add_(inputs[i]);
    return result;
  }
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    return TensorList(io.inputs.size(), columns);
  }
};

}  // namespace

Rule sum() { return std::make_shared<const Sum>(); }

}  // namespace backobs::nodes
