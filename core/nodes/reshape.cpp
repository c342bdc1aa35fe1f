// SPDX-License-Identifier: MIT
#include "nodes/axes.h"

#include <backobs/nodes.h>

namespace backobs::nodes {
namespace {

class Reshape final : public LinearMap {
 public:
  explicit Reshape(std::vector<int64_t> sample_shape) : shape_(std::move(sample_shape)) {}
  std::string type() const override { return "Reshape"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    auto shape = shape_;
    shape.insert(shape.begin(), inputs[0].size(0));
    return inputs[0].reshape(shape);
  }
  bool is_pointwise() const override { return true; }
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    auto shape = io.inputs[0].sizes().slice(1).vec();
    shape.insert(shape.begin(), {columns.size(0), columns.size(1)});
    return {columns.reshape(shape)};
  }
  Tensor sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const override { return mat * io.samples(); }

 private:
  std::vector<int64_t> shape_;
};

}  // namespace

Rule reshape(std::vector<int64_t> sample_shape) { return std::make_shared<const Reshape>(std::move(sample_shape)); }

}  // namespace backobs::nodes
