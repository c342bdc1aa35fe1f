// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>

namespace {
using namespace backobs;

/// y = x t with t = tanh(softplus(x)), s = sigmoid(x) and t' = (1 - t^2) s:
/// f' = t + x t',  f'' = t' (2 + x (1 - s - 2 t s)).
/// Source: Misra, "Mish: a self regularized non-monotonic activation function", 2019.
class @Class@ final : public ElementwiseRule {
 public:
  explicit @Class@(std::shared_ptr<torch::nn::MishImpl> module) : module_(std::move(module)) {}

  std::string type() const override { return "Mish"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::mish(inputs[0]);
  }
  bool reads_output() const override { return false; }
  Tensor df(const LayerIO& io) const override {
    const auto& x = io.inputs[0];
    const auto t = at::softplus(x).tanh();
    return t + x * (1 - t.square()) * x.sigmoid();
  }
  Tensor d2f(const LayerIO& io) const override {
    const auto& x = io.inputs[0];
    const auto t = at::softplus(x).tanh(), s = x.sigmoid();
    return (1 - t.square()) * s * (2 + x * (1 - s - 2 * t * s));
  }

 private:
  std::shared_ptr<torch::nn::MishImpl> module_;
};
}  // namespace

// Networks with a torch::nn::Mish take this rule from now on, where autograd did the work before.
BACKOBS_LAYER(@Class@, torch::nn::MishImpl, "Mish by its first two derivatives")
