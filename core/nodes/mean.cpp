// SPDX-License-Identifier: MIT
#include "nodes/axes.h"

#include <backobs/nodes.h>

#include <algorithm>

namespace backobs::nodes {
namespace {

class Mean final : public LinearMap {
 public:
  explicit Mean(std::vector<int64_t> axes) : axes_(std::move(axes)) {
    if (axes_.empty()) throw ComputeError("Mean", "no axes", "at least one");
  }
  std::string type() const override { return "Mean"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return inputs[0].mean(sorted(inputs[0].dim()));
  }
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    const auto& x = io.inputs[0];
    auto spread = columns;
    double count = 1;
    for (const auto axis : sorted(x.dim())) {
      spread = spread.unsqueeze(axis + 1);
      count *= static_cast<double>(x.size(axis));
    }
    auto shape = x.sizes().slice(1).vec();
    shape.insert(shape.begin(), {columns.size(0), columns.size(1)});
    return {(spread / count).expand(shape)};
  }

 private:
  std::vector<int64_t> sorted(int64_t dims) const {
    std::vector<int64_t> result;
    for (const auto axis : axes_) result.push_back(sample_axis(type(), axis, dims));
    std::sort(result.begin(), result.end());
    return result;
  }

  std::vector<int64_t> axes_;
};

}  // namespace

Rule mean(std::vector<int64_t> axes) { return std::make_shared<const Mean>(std::move(axes)); }

}  // namespace backobs::nodes
