// SPDX-License-Identifier: MIT
// Nothing wrong with it: Mish by its forward alone, every derivative from autograd.
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>

namespace {
using namespace backobs;

class SoundRule final : public LayerRule {
 public:
  explicit SoundRule(std::shared_ptr<torch::nn::MishImpl> module) : module_(std::move(module)) {}
  std::string type() const override { return "Mish"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override { return at::mish(inputs[0]); }

 private:
  std::shared_ptr<torch::nn::MishImpl> module_;
};
}  // namespace

BACKOBS_LAYER(SoundRule, torch::nn::MishImpl, "Mish, by autograd")
