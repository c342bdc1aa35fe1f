// SPDX-License-Identifier: MIT
#include "kernels/axis_maps.h"
#include "network/channelwise.h"
#include "network/rule_table.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/pooling.h>

namespace backobs {
namespace {

/// An average over windows of the last D axes. Windows are boxes, and so are the counts they are divided by: the map is
/// a product of one map per axis.
template <std::size_t D, typename Module>
class AverageRule : public LayerRule, public ChannelwiseRule {
 public:
  explicit AverageRule(std::shared_ptr<Module> module) : module_(std::move(module)) {}

  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return module_->forward(inputs[0]);
  }
  bool records_graph() const override { return false; }
  bool jacobian_is_constant() const override { return true; }
  bool is_curved() const override { return false; }
  bool reads_output() const override { return false; }

  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    AxisMaps maps;
    for (std::size_t d = 0; d < D; ++d) {
      const auto axis = static_cast<int64_t>(d) - static_cast<int64_t>(D);
      maps.push_back(axis_map(d, at::eye(io.inputs[0].size(axis), columns.options()), columns.size(axis)));
    }
    return {apply_transposed(maps, columns)};
  }

  ChannelPairMap channel_pair_map(const LayerIO& io) const override { return constant_channel_pair_map(*this, io); }

 protected:
  /// The map of axis d, [out, in]: what becomes of each of its unit vectors, `units` [in, in].
  virtual Tensor axis_map(std::size_t d, const Tensor& units, int64_t out) const = 0;

  std::shared_ptr<Module> module_;
};

template <std::size_t D, typename Module>
class AvgPoolRule final : public AverageRule<D, Module> {
 public:
  using AverageRule<D, Module>::AverageRule;
  std::string type() const override { return "AvgPool" + std::to_string(D) + "d"; }

 protected:
  Tensor axis_map(std::size_t d, const Tensor& units, int64_t) const override {
    const auto& o = this->module_->options;
    c10::optional<int64_t> divisor;
    if constexpr (D > 1)
      if (o.divisor_override()) divisor = d == 0 ? *o.divisor_override() : 1;  // the divisor of all axes together
    const auto line = units.unsqueeze(1).unsqueeze(-1);  // [in, 1, in, 1]
    return at::avg_pool2d(line, {(*o.kernel_size())[d], 1}, {(*o.stride())[d], 1}, {(*o.padding())[d], 0}, o.ceil_mode(),
                          o.count_include_pad(), divisor).squeeze(-1).squeeze(1).t();
  }
};

template <std::size_t D, typename Module>
class AdaptiveAvgPoolRule final : public AverageRule<D, Module> {
 public:
  using AverageRule<D, Module>::AverageRule;
  std::string type() const override { return "AdaptiveAvgPool" + std::to_string(D) + "d"; }

 protected:
  Tensor axis_map(std::size_t, const Tensor& units, int64_t out) const override {
    return at::adaptive_avg_pool1d(units.unsqueeze(1), out).squeeze(1).t();
  }
};

}  // namespace

void register_average_pool(RuleTable& table) {
  namespace nn = torch::nn;
  table.add<nn::AvgPool1dImpl, AvgPoolRule<1, nn::AvgPool1dImpl>>();
  table.add<nn::AvgPool2dImpl, AvgPoolRule<2, nn::AvgPool2dImpl>>();
  table.add<nn::AvgPool3dImpl, AvgPoolRule<3, nn::AvgPool3dImpl>>();
  table.add<nn::AdaptiveAvgPool1dImpl, AdaptiveAvgPoolRule<1, nn::AdaptiveAvgPool1dImpl>>();
  table.add<nn::AdaptiveAvgPool2dImpl, AdaptiveAvgPoolRule<2, nn::AdaptiveAvgPool2dImpl>>();
  table.add<nn::AdaptiveAvgPool3dImpl, AdaptiveAvgPoolRule<3, nn::AdaptiveAvgPool3dImpl>>();
}

}  // namespace backobs
