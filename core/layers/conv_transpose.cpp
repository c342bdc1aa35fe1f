// SPDX-License-Identifier: MIT
#include "kernels/unfold.h"
#include "network/channelwise.h"
#include "network/rule_table.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/conv.h>

#include <variant>

namespace backobs {
namespace {

using Sizes = std::vector<int64_t>;

/// Transposed convolution of D spatial axes as the affine map y[n,s,g,c] = sum_k W[g,c,k] x[n,s,g,k] + b[g,c]:
/// s output positions, k = (input channel of the group, kernel entry). x holds at (s, k) the input pixel i with
/// i * stride + k * dilation - padding = s, or 0 where there is none. The module keeps its weight as [C_in, C_out/G, *kernel].
template <std::size_t D, typename Module>
class ConvTransposeRule final : public LayerRule, public PositionsLastRule {
 public:
  explicit ConvTransposeRule(std::shared_ptr<Module> module)
      : module_(std::move(module)), kernel_(sizes(module_->options.kernel_size())), stride_(sizes(module_->options.stride())),
        padding_(own_padding(module_->options)), output_padding_(sizes(module_->options.output_padding())),
        dilation_(sizes(module_->options.dilation())), groups_(module_->options.groups()) {}

  std::string type() const override { return "ConvTranspose" + std::to_string(D) + "d"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }

  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::convolution(inputs[0], module_->weight, module_->bias, stride_, padding_, dilation_, true, output_padding_,
                           groups_);
  }
  bool records_graph() const override { return false; }
  bool jacobian_is_constant() const override { return true; }
  bool is_curved() const override { return false; }
  bool reads_output() const override { return false; }

  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    auto pulled = at::convolution(columns.flatten(0, 1), module_->weight, {}, stride_, padding_, dilation_, false,
                                  Sizes(D, 0), groups_);
    const auto image = io.inputs[0].sizes().slice(2);
    // An output padding that reaches a whole stride (allowed below the dilation) reads positions that no pixel wrote.
    for (std::size_t d = 0; d < D; ++d) pulled = pulled.narrow(2 + static_cast<int64_t>(d), 0, image[d]);
    auto shape = io.inputs[0].sizes().slice(1).vec();
    shape.insert(shape.begin(), {columns.size(0), columns.size(1)});
    return {pulled.reshape(shape)};
  }

  int64_t groups() const override { return groups_; }
  ParamForm form(const std::string& parameter) const override {
    return parameter == "weight" ? ParamForm::weight : ParamForm::bias;
  }
  /// LibTorch's kernel, which does not write out the unfolded input.
  Tensor sum_param_jac_t(const LayerIO& io, const std::string& parameter, const Tensor& columns) const override {
    if (parameter != "weight") return LayerRule::sum_param_jac_t(io, parameter, columns);
    const auto total = columns.size(0) == 1 ? columns[0] : columns.sum(0);
    return std::get<1>(at::convolution_backward(total, io.inputs[0], module_->weight, {}, stride_, padding_, dilation_, true,
                                                output_padding_, groups_, {false, true, false}));
  }
  Tensor affine_input(const LayerIO& io) const override {
    Sizes axes, padding;
    for (std::size_t d = 0; d < D; ++d) axes.push_back(2 + static_cast<int64_t>(d));
    for (auto d = D; d-- > 0;) {
      const auto low = dilation_[d] * (kernel_[d] - 1) - padding_[d];
      padding.insert(padding.end(), {low, low + output_padding_[d]});
    }
    // With the axes turned round the kernel's entries come in their own order.
    const auto turned = at::constant_pad_nd(spread(io.inputs[0]), padding).flip(axes);
    const auto x = unfold(turned, kernel_, Sizes(D, 1), dilation_, groups_);
    return x.flip({1});
  }
  Tensor affine_columns(const LayerIO&, const Tensor& columns) const override {
    return columns.reshape({columns.size(0), columns.size(1), groups_, out_channels(), -1}).permute({0, 1, 4, 2, 3});
  }
  /// [..., G, C, (c_in, *kernel)] -> [..., C_in, C, *kernel].
  Tensor from_affine(const std::string& parameter, const Tensor& value) const override {
    if (parameter != "weight") return LayerRule::from_affine(parameter, value);
    auto shape = value.sizes().slice(0, value.dim() - 3).vec();
    const auto leading = static_cast<int64_t>(shape.size());
    const auto split = value.unflatten(-1, {module_->weight.size(0) / groups_, -1}).transpose(leading + 1, leading + 2);
    shape.insert(shape.end(), module_->weight.sizes().begin(), module_->weight.sizes().end());
    return split.reshape(shape);
  }
  Tensor to_affine(const std::string&, const Tensor& value, const std::vector<int64_t>& sizes) const override {
    auto shape = value.sizes().slice(0, value.dim() - module_->weight.dim()).vec();
    const auto leading = static_cast<int64_t>(shape.size());
    const auto joined = value.flatten(leading + 2).unflatten(leading, {groups_, -1}).transpose(leading + 1, leading + 2);
    shape.insert(shape.end(), sizes.begin(), sizes.end());
    return joined.reshape(shape);
  }

 private:
  static Sizes sizes(const torch::ExpandingArray<D>& array) { return {array->begin(), array->end()}; }
  template <typename Options>
  static Sizes own_padding(const Options& options) {
    using std::get_if;
    return sizes(*get_if<torch::ExpandingArray<D>>(&options.padding()));
  }
  int64_t out_channels() const { return module_->weight.size(1); }

  /// The pixels stride apart, zeros between them.
  Tensor spread(const Tensor& input) const {
    auto shape = input.sizes().vec();
    for (std::size_t d = 0; d < D; ++d) shape[2 + d] = (shape[2 + d] - 1) * stride_[d] + 1;
    auto image = at::zeros(shape, input.options());
    auto pixels = image;
    for (std::size_t d = 0; d < D; ++d)
      pixels = pixels.slice(2 + static_cast<int64_t>(d), 0, shape[2 + d], stride_[d]);
    pixels.copy_(input);
    return image;
  }

  std::shared_ptr<Module> module_;
  Sizes kernel_, stride_, padding_, output_padding_, dilation_;
  int64_t groups_;
};

}  // namespace

void register_conv_transpose(RuleTable& table) {
  table.add<torch::nn::ConvTranspose1dImpl, ConvTransposeRule<1, torch::nn::ConvTranspose1dImpl>>();
  table.add<torch::nn::ConvTranspose2dImpl, ConvTransposeRule<2, torch::nn::ConvTranspose2dImpl>>();
  table.add<torch::nn::ConvTranspose3dImpl, ConvTransposeRule<3, torch::nn::ConvTranspose3dImpl>>();
}

}  // namespace backobs
