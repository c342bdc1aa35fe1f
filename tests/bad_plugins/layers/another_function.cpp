// SPDX-License-Identifier: MIT
// Computes another function than its module, which shows on the second of its examples alone.
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>

namespace {
using namespace backobs;

class AnotherFunction final : public LayerRule {
 public:
  explicit AnotherFunction(std::shared_ptr<torch::nn::ThresholdImpl> module) : module_(std::move(module)) {}
  static std::vector<LayerExample> examples() {
    const auto module = std::make_shared<torch::nn::ThresholdImpl>(0.5, 2.0);
    return {{module, {at::ones({2, 3})}}, {module, {at::arange(6.0).reshape({3, 2}) - 2}}};
  }
  std::string type() const override { return "Threshold"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::threshold(inputs[0], 0.5, 3.0);
  }

 private:
  std::shared_ptr<torch::nn::ThresholdImpl> module_;
};
}  // namespace

BACKOBS_LAYER(AnotherFunction, torch::nn::ThresholdImpl, "Threshold to another value")
