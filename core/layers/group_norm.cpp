// SPDX-License-Identifier: MIT
#include "layers/row_normalisation.h"

#include <torch/nn/modules/normalization.h>

namespace backobs {
namespace {

/// A row is a group of channels with all their positions. Scale and bias have one entry per channel.
class GroupNormRule final : public RowNormalisationRule {
 public:
  explicit GroupNormRule(std::shared_ptr<torch::nn::GroupNormImpl> module) : module_(std::move(module)) {}
  std::string type() const override { return "GroupNorm"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }

  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList& saved) const override {
    const auto& options = module_->options;
    const auto x = inputs[0].contiguous();
    const auto samples = x.size(0), channels = x.size(1), positions = x.numel() / std::max<int64_t>(samples * channels, 1);
    const auto [y, mean, r] = at::native_group_norm(x, module_->weight, module_->bias, samples, channels, positions,
                                                    options.num_groups(), options.eps());
    save(r, samples, saved);
    return y;
  }
  Tensor affine_columns(const LayerIO&, const Tensor& columns) const override {
    if (columns.dim() == 3) return columns.unsqueeze(2).unsqueeze(2);
    return columns.flatten(3).transpose(2, 3).unsqueeze(3);
  }

 protected:
  Tensor scale(const LayerIO& io) const override {
    if (!module_->weight.defined()) return {};
    auto shape = std::vector<int64_t>(io.inputs[0].dim() - 1, 1);
    shape[0] = -1;
    return module_->weight.view(shape);
  }

 private:
  std::shared_ptr<torch::nn::GroupNormImpl> module_;
};

}  // namespace

void register_group_norm(RuleTable& table) { table.add<torch::nn::GroupNormImpl, GroupNormRule>(); }

}  // namespace backobs
