// SPDX-License-Identifier: MIT
#include "nodes/axes.h"

#include <backobs/nodes.h>

namespace backobs::nodes {
namespace {

class Pad final : public LinearMap {
 public:
  Pad(std::vector<int64_t> amounts, double value) : amounts_(std::move(amounts)), value_(value) {
    if (amounts_.size() % 2 != 0)
      throw ComputeError("Pad", std::to_string(amounts_.size()) + " amounts", "two for each padded axis");
    for (const auto amount : amounts_) back_.push_back(-amount);
  }
  std::string type() const override { return "Pad"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    if (static_cast<int64_t>(amounts_.size()) / 2 >= inputs[0].dim())
      throw ComputeError(type(), "amounts for " + std::to_string(amounts_.size() / 2) + " axes",
                         "at most " + std::to_string(inputs[0].dim() - 1) + ": the sample axis stays");
    return at::constant_pad_nd(inputs[0], amounts_, value_);
  }
  /// What was added is cut off, and what was cut off comes back as zeros.
  TensorList jac_t(const LayerIO&, const Tensor& columns) const override {
    return {at::constant_pad_nd(columns, back_, 0)};
  }

 private:
  std::vector<int64_t> amounts_, back_;
  double value_;
};

}  // namespace

Rule pad(std::vector<int64_t> amounts, double value) { return std::make_shared<const Pad>(std::move(amounts), value); }

}  // namespace backobs::nodes
