// SPDX-License-Identifier: MIT
#include "kernels/axis_maps.h"
#include "network/channelwise.h"
#include "network/rule_table.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/padding.h>
#include <torch/version.h>

#include <algorithm>

namespace backobs {
namespace {

using Sizes = std::vector<int64_t>;

/// The kinds of padding: LibTorch's name of the module, and at::pad's of the mode.
struct Zero { static constexpr auto name = "ZeroPad"; };
struct Constant { static constexpr auto name = "ConstantPad"; };
struct Reflection { static constexpr auto name = "ReflectionPad", mode = "reflect"; };
struct Replication { static constexpr auto name = "ReplicationPad", mode = "replicate"; };

/// What padding layers share: the last D axes grow (or, where a size is negative, shrink), the values are copied.
template <typename Module, typename Kind>
class PadRule : public LayerRule, public ChannelwiseRule {
 public:
  explicit PadRule(std::shared_ptr<Module> module)
      : module_(std::move(module)), padding_(module_->options.padding()->begin(), module_->options.padding()->end()) {}

  std::string type() const override { return Kind::name + std::to_string(padding_.size() / 2) + "d"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return module_->forward(inputs[0]);
  }
  bool records_graph() const override { return false; }
  bool jacobian_is_constant() const override { return true; }
  bool is_curved() const override { return false; }
  bool reads_output() const override { return false; }

  ChannelPairMap channel_pair_map(const LayerIO& io) const override { return constant_channel_pair_map(*this, io); }

 protected:
  std::shared_ptr<Module> module_;
  Sizes padding_;  ///< last axis first, low and high in turn
};

/// Padding with a constant: backward, what was added is cut off again.
template <typename Module, typename Kind>
class ConstantPadRule final : public PadRule<Module, Kind> {
 public:
  using PadRule<Module, Kind>::PadRule;
  TensorList jac_t(const LayerIO&, const Tensor& columns) const override {
    auto opposite = this->padding_;
    for (auto& size : opposite) size = -size;
    return {at::constant_pad_nd(columns, opposite)};
  }
  /// N times the rows and columns of what was there before.
  Tensor sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const override {
    const auto& padding = this->padding_;
    if (std::any_of(padding.begin(), padding.end(), [](int64_t size) { return size < 0; }))
      return LayerRule::sum_jac_t_mat_jac(io, mat);
    const auto inside = io.inputs[0].sizes().slice(1);
    const auto axes = static_cast<int64_t>(inside.size());
    auto shape = inside.vec(), low = Sizes(inside.size(), 0);
    for (std::size_t d = 0; d < padding.size() / 2; ++d) {
      shape[inside.size() - 1 - d] += padding[2 * d] + padding[2 * d + 1];
      low[inside.size() - 1 - d] = padding[2 * d];
    }
    shape.insert(shape.end(), shape.begin(), shape.begin() + axes);
    auto cut = mat.reshape(shape);
    for (int64_t axis = 0; axis < 2 * axes; ++axis)
      cut = cut.narrow(axis, low[axis % axes], inside[axis % axes]);
    const auto features = io.inputs[0].numel() / io.samples();
    return cut.clone(at::MemoryFormat::Contiguous).view({features, features}).mul_(io.samples());
  }
};

/// Padding with what is inside: one selection matrix per axis.
template <typename Module, typename Kind>
class CopyPadRule final : public PadRule<Module, Kind> {
 public:
  using PadRule<Module, Kind>::PadRule;
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    AxisMaps maps;
    for (auto axis = static_cast<int64_t>(this->padding_.size() / 2); axis > 0; --axis) {
      const auto units = at::eye(io.inputs[0].size(-axis), columns.options()).unsqueeze(1);
      maps.push_back(at::pad(units, {this->padding_[2 * axis - 2], this->padding_[2 * axis - 1]}, Kind::mode).squeeze(1).t());
    }
    return {apply_transposed(maps, columns)};
  }
};

}  // namespace

void register_padding(RuleTable& table) {
  namespace nn = torch::nn;
  table.add<nn::ZeroPad2dImpl, ConstantPadRule<nn::ZeroPad2dImpl, Zero>>();
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1)
  table.add<nn::ZeroPad1dImpl, ConstantPadRule<nn::ZeroPad1dImpl, Zero>>();
  table.add<nn::ZeroPad3dImpl, ConstantPadRule<nn::ZeroPad3dImpl, Zero>>();
#endif
  table.add<nn::ConstantPad1dImpl, ConstantPadRule<nn::ConstantPad1dImpl, Constant>>();
  table.add<nn::ConstantPad2dImpl, ConstantPadRule<nn::ConstantPad2dImpl, Constant>>();
  table.add<nn::ConstantPad3dImpl, ConstantPadRule<nn::ConstantPad3dImpl, Constant>>();
  table.add<nn::ReflectionPad1dImpl, CopyPadRule<nn::ReflectionPad1dImpl, Reflection>>();
  table.add<nn::ReflectionPad2dImpl, CopyPadRule<nn::ReflectionPad2dImpl, Reflection>>();
  table.add<nn::ReflectionPad3dImpl, CopyPadRule<nn::ReflectionPad3dImpl, Reflection>>();
  table.add<nn::ReplicationPad1dImpl, CopyPadRule<nn::ReplicationPad1dImpl, Replication>>();
  table.add<nn::ReplicationPad2dImpl, CopyPadRule<nn::ReplicationPad2dImpl, Replication>>();
  table.add<nn::ReplicationPad3dImpl, CopyPadRule<nn::ReplicationPad3dImpl, Replication>>();
}

}  // namespace backobs
