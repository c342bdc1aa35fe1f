// SPDX-License-Identifier: MIT
#include "layers/row_normalisation.h"

#include <torch/nn/modules/normalization.h>

namespace backobs {
namespace {

/// A row is what `normalized_shape` spans: the last axes. Scale and bias have one entry for each of its D entries; the
/// axes between sample and row are the positions they share.
class LayerNormRule final : public RowNormalisationRule {
 public:
  explicit LayerNormRule(std::shared_ptr<torch::nn::LayerNormImpl> module) : module_(std::move(module)) {}
  std::string type() const override { return "LayerNorm"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }

  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList& saved) const override {
    const auto& options = module_->options;
    const auto [y, mean, r] =
        at::native_layer_norm(inputs[0], options.normalized_shape(), module_->weight, module_->bias, options.eps());
    save(r, inputs[0].size(0), saved);
    return y;
  }
  Tensor affine_columns(const LayerIO&, const Tensor& columns) const override {
    int64_t size = 1;
    for (const auto axis : module_->options.normalized_shape()) size *= axis;
    return columns.reshape({columns.size(0), columns.size(1), -1, 1, size});
  }

 protected:
  Tensor scale(const LayerIO&) const override { return module_->weight; }

 private:
  std::shared_ptr<torch::nn::LayerNormImpl> module_;
};

}  // namespace

void register_layer_norm(RuleTable& table) { table.add<torch::nn::LayerNormImpl, LayerNormRule>(); }

}  // namespace backobs
