// SPDX-License-Identifier: MIT
// Nothing wrong with it: a layer of two inputs, with an example.
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

namespace {
using namespace backobs;

class TwoInputs final : public LayerRule {
 public:
  explicit TwoInputs(std::shared_ptr<torch::nn::BilinearImpl> module) : module_(std::move(module)) {}
  static std::vector<LayerExample> examples() {
    return {{std::make_shared<torch::nn::BilinearImpl>(3, 4, 2), {at::randn({5, 3}), at::randn({5, 4})}}};
  }
  std::string type() const override { return "Bilinear"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return module_->forward(inputs[0], inputs[1]);
  }

 private:
  std::shared_ptr<torch::nn::BilinearImpl> module_;
};
}  // namespace

BACKOBS_LAYER(TwoInputs, torch::nn::BilinearImpl, "Bilinear maps, by autograd")
