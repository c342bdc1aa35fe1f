// SPDX-License-Identifier: MIT
#include "kernels/axis_maps.h"
#include "network/channelwise.h"
#include "network/rule_table.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/upsampling.h>

namespace backobs {
namespace {

/// Interpolation of the axes behind [N, C] (nearest, linear, bilinear, trilinear, bicubic), a product of one map per
/// axis. Each is read off LibTorch's own interpolation of unit vectors that are constant along all other axes.
class UpsampleRule final : public LayerRule, public ChannelwiseRule {
 public:
  explicit UpsampleRule(std::shared_ptr<torch::nn::UpsampleImpl> module) : module_(std::move(module)) {}

  std::string type() const override { return "Upsample"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return module_->forward(inputs[0]);
  }
  bool records_graph() const override { return false; }
  bool jacobian_is_constant() const override { return true; }
  bool is_curved() const override { return false; }
  bool reads_output() const override { return false; }

  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    const auto image = io.inputs[0].sizes().slice(2);
    AxisMaps maps;
    for (std::size_t d = 0; d < image.size(); ++d) maps.push_back(axis_map(image, d, columns.options()));
    return {apply_transposed(maps, columns)};
  }

  ChannelPairMap channel_pair_map(const LayerIO& io) const override { return constant_channel_pair_map(*this, io); }

 private:
  /// [out_d, in_d].
  Tensor axis_map(at::IntArrayRef image, std::size_t d, const at::TensorOptions& options) const {
    auto shape = image.vec();
    shape.insert(shape.begin(), {image[d], 1});
    auto line = std::vector<int64_t>(shape.size(), 1);
    line[0] = line[2 + d] = image[d];
    auto mapped = module_->forward(at::eye(image[d], options).view(line).expand(shape).contiguous());
    for (auto axis = static_cast<int64_t>(shape.size()) - 1; axis >= 1; --axis)
      if (axis != 2 + static_cast<int64_t>(d)) mapped = mapped.select(axis, 0);
    return mapped.t();
  }

  std::shared_ptr<torch::nn::UpsampleImpl> module_;
};

}  // namespace

void register_upsample(RuleTable& table) { table.add<torch::nn::UpsampleImpl, UpsampleRule>(); }

}  // namespace backobs
