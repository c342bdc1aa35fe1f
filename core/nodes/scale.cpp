// SPDX-License-Identifier: MIT
#include "nodes/axes.h"

#include <backobs/nodes.h>

namespace backobs::nodes {
namespace {

class Scale final : public LinearMap {
 public:
  explicit Scale(double a) : a_(a) {}
  std::string type() const override { return "Scale"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override { return inputs[0] * a_; }
  bool is_pointwise() const override { return true; }
  TensorList jac_t(const LayerIO&, const Tensor& columns) const override { return {columns * a_}; }
  Tensor sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const override {
    return mat * (a_ * a_ * static_cast<double>(io.samples()));
  }

 private:
  double a_;
};

}  // namespace

Rule scale(double a) { return std::make_shared<const Scale>(a); }

}  // namespace backobs::nodes
