// SPDX-License-Identifier: MIT
#include "nodes/axes.h"

#include <backobs/nodes.h>

namespace backobs::nodes {
namespace {

class Concat final : public LinearMap {
 public:
  explicit Concat(int64_t axis) : axis_(axis) {}
  std::string type() const override { return "Concat"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::cat(inputs, sample_axis(type(), axis_, inputs[0].dim()));
  }
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    const auto axis = sample_axis(type(), axis_, io.inputs[0].dim());
    TensorList parts;
    int64_t first = 0;
    for (const auto& input : io.inputs) {
      parts.push_back(columns.narrow(axis + 1, first, input.size(axis)));
      first += input.size(axis);
    }
    return parts;
  }

 private:
  int64_t axis_;
};

}  // namespace

Rule concat(int64_t axis) { return std::make_shared<const Concat>(axis); }

}  // namespace backobs::nodes
