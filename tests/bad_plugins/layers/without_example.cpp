// SPDX-License-Identifier: MIT
// Nothing wrong with it, but a module that takes arguments and no example.
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

namespace {
using namespace backobs;

class WithoutExample final : public LayerRule {
 public:
  explicit WithoutExample(std::shared_ptr<torch::nn::BilinearImpl> module) : module_(std::move(module)) {}
  std::string type() const override { return "Bilinear"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return module_->forward(inputs[0], inputs[1]);
  }

 private:
  std::shared_ptr<torch::nn::BilinearImpl> module_;
};
}  // namespace

BACKOBS_LAYER(WithoutExample, torch::nn::BilinearImpl, "Bilinear maps, by autograd")
