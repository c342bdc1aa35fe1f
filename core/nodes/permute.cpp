// SPDX-License-Identifier: MIT
#include "nodes/axes.h"

#include <backobs/nodes.h>

namespace backobs::nodes {
namespace {

class Permute final : public LinearMap {
 public:
  explicit Permute(std::vector<int64_t> axes) : axes_(std::move(axes)), back_(axes_.size() + 1) {
    std::vector<bool> seen(axes_.size());
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      const auto axis = axes_[i];
      if (axis < 0 || axis >= static_cast<int64_t>(axes_.size()) || seen[axis] || (axis == 0) != (i == 0)) refuse();
      seen[axis] = true;
      back_[axis + 1] = static_cast<int64_t>(i) + 1;  // columns have one axis more in front
    }
    if (axes_.empty()) refuse();
  }
  std::string type() const override { return "Permute"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return inputs[0].permute(axes_);
  }
  TensorList jac_t(const LayerIO&, const Tensor& columns) const override { return {columns.permute(back_)}; }

 private:
  [[noreturn]] static void refuse() {
    throw ComputeError("Permute", "axes that are no order of 0, 1, …", "each axis once, 0 (the samples) first");
  }

  std::vector<int64_t> axes_, back_;
};

}  // namespace

Rule permute(std::vector<int64_t> axes) { return std::make_shared<const Permute>(std::move(axes)); }

}  // namespace backobs::nodes
