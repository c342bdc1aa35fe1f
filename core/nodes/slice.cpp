// SPDX-License-Identifier: MIT
#include "nodes/axes.h"

#include <backobs/nodes.h>

namespace backobs::nodes {
namespace {

class Slice final : public LinearMap {
 public:
  Slice(int64_t axis, int64_t first, int64_t count, int64_t step) : axis_(axis), first_(first), count_(count), step_(step) {
    if (first < 0 || count < 1 || step < 1)
      throw ComputeError("Slice", "first " + std::to_string(first) + ", count " + std::to_string(count) + ", step " +
                                      std::to_string(step), "first >= 0, count >= 1, step >= 1");
  }
  std::string type() const override { return "Slice"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    const auto axis = sample_axis(type(), axis_, inputs[0].dim());
    if (end() > inputs[0].size(axis))
      throw ComputeError(type(), "an axis of " + std::to_string(inputs[0].size(axis)) + " entries",
                         "at least " + std::to_string(end()));
    return inputs[0].slice(axis, first_, end(), step_);
  }
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    auto shape = io.inputs[0].sizes().slice(1).vec();
    shape.insert(shape.begin(), {columns.size(0), columns.size(1)});
    auto whole = at::zeros(shape, columns.options());
    whole.slice(sample_axis(type(), axis_, io.inputs[0].dim()) + 1, first_, end(), step_).copy_(columns);
    return {whole};
  }

 private:
  int64_t end() const { return first_ + (count_ - 1) * step_ + 1; }

  int64_t axis_, first_, count_, step_;
};

}  // namespace

Rule slice(int64_t axis, int64_t first, int64_t count, int64_t step) {
  return std::make_shared<const Slice>(axis, first, count, step);
}

}  // namespace backobs::nodes
