// SPDX-License-Identifier: MIT
#include "kernels/axis_maps.h"
#include "kernels/sparse_products.h"
#include "kernels/unfold.h"
#include "network/channelwise.h"
#include "network/rule_table.h"
#include "network/windowed.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>
#include <variant>

namespace backobs {
namespace {

using Sizes = std::vector<int64_t>;

/// std::get_if, or c10::get_if where LibTorch still has a variant of its own: found through the argument.
template <typename T, typename Variant>
const T* held(const Variant& variant) {
  using std::get_if;
  return get_if<T>(&variant);
}

/// How a convolution pads: `low` before and `high` behind each axis, with zeros or with what is inside.
struct ConvPadding {
  Sizes low, high;
  std::string mode = "constant";  ///< at::pad's name; "constant" pads with zeros

  bool is_zero() const { return mode == "constant"; }
  /// Zeros in equal numbers on both sides are the convolution's own padding.
  bool is_implicit() const { return is_zero() && low == high; }
  /// In LibTorch's order: last axis first, low and high in turn.
  Sizes reversed(int64_t sign = 1) const {
    Sizes result;
    for (auto d = low.size(); d-- > 0;) result.insert(result.end(), {sign * low[d], sign * high[d]});
    return result;
  }
};

template <std::size_t D, typename Options>
ConvPadding padding_of(const Options& options) {
  namespace kinds = torch::enumtype;
  ConvPadding padding{Sizes(D, 0), Sizes(D, 0)};
  for (std::size_t d = 0; d < D; ++d) {
    if (held<kinds::kSame>(options.padding())) {
      const auto total = (*options.dilation())[d] * ((*options.kernel_size())[d] - 1);
      padding.low[d] = total / 2;
      padding.high[d] = total - total / 2;
    } else if (const auto* sizes = held<torch::ExpandingArray<D>>(options.padding())) {
      padding.low[d] = padding.high[d] = (**sizes)[d];
    }
  }
  if (held<kinds::kReflect>(options.padding_mode())) padding.mode = "reflect";
  if (held<kinds::kReplicate>(options.padding_mode())) padding.mode = "replicate";
  if (held<kinds::kCircular>(options.padding_mode())) padding.mode = "circular";
  return padding;
}

/// Padding by what is inside, as one selection matrix per axis.
AxisMaps selections(const ConvPadding& padding, at::IntArrayRef image, const at::TensorOptions& options) {
  AxisMaps maps;
  for (std::size_t d = 0; d < image.size(); ++d) {
    const auto unit_rows = at::eye(image[d], options).unsqueeze(1);
    maps.push_back(at::pad(unit_rows, {padding.low[d], padding.high[d]}, padding.mode).squeeze(1).t());
  }
  return maps;
}

/// Convolution of D spatial axes, y[n,s,g,c] = sum_k W[g,c,k] x[n,s,g,k] + b[g,c]: s output positions, g groups,
/// k = (input channel of the group, kernel entry), x the unfolded padded input.
template <std::size_t D, typename Module>
class ConvRule final : public LayerRule, public PositionsLastRule, public WindowedRule {
 public:
  explicit ConvRule(std::shared_ptr<Module> module)
      : module_(std::move(module)), kernel_(sizes(module_->options.kernel_size())), stride_(sizes(module_->options.stride())),
        dilation_(sizes(module_->options.dilation())), groups_(module_->options.groups()),
        padding_(padding_of<D>(module_->options)) {}

  std::string type() const override { return "Conv" + std::to_string(D) + "d"; }
  std::shared_ptr<torch::nn::Module> module() const override { return module_; }

  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    const auto own = padding_.is_implicit() ? padding_.low : Sizes(D, 0);
    const auto image = padding_.is_implicit() ? inputs[0] : padded(inputs[0]);
    return at::convolution(image, module_->weight, module_->bias, stride_, own, dilation_, false, Sizes(D, 0), groups_);
  }
  bool records_graph() const override { return false; }
  bool jacobian_is_constant() const override { return true; }
  bool is_curved() const override { return false; }
  bool reads_output() const override { return false; }

  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    const auto image = io.inputs[0].sizes().slice(2);
    const auto z = affine_columns(io, columns);
    auto pulled = sparse::is_sparse(z) ? by_picked_rows(z, io) : by_convolution(columns.flatten(0, 1), image);
    if (!padding_.is_zero()) pulled = apply_transposed(selections(padding_, image, columns.options()), pulled);
    auto shape = io.inputs[0].sizes().slice(1).vec();
    shape.insert(shape.begin(), {columns.size(0), columns.size(1)});
    return {pulled.reshape(shape)};
  }
  WindowLayout windows(const LayerIO& io) const override {
    const Sizes none(D, 0);
    const bool zeros = padding_.is_zero();
    return {{seen(io.inputs[0].sizes().slice(2)), zeros ? padding_.low : none, zeros ? padding_.high : none, kernel_, stride_, dilation_},
            module_->weight.size(1) * groups_, groups_};
  }
  sparse::WindowedInput windowed_input(const LayerIO& io) const override {
    auto placed = windows(io);
    auto laid_out = placed.lay_out(padding_.is_zero() ? io.inputs[0] : padded(io.inputs[0]));
    return {std::move(placed), std::move(laid_out)};
  }

  int64_t groups() const override { return groups_; }
  ParamForm form(const std::string& parameter) const override {
    return parameter == "weight" ? ParamForm::weight : ParamForm::bias;
  }
  /// By what is not zero, or LibTorch's kernel, which does not write out the unfolded input.
  Tensor sum_param_jac_t(const LayerIO& io, const std::string& parameter, const Tensor& columns) const override {
    if (parameter != "weight") return LayerRule::sum_param_jac_t(io, parameter, columns);
    const auto total = columns.size(0) == 1 ? columns[0] : columns.sum(0);
    const auto z = affine_columns(io, total.unsqueeze(0));
    if (module_->weight.size(1) >= kManyChannels && sparse::is_sparse(z))
      return from_affine(parameter, sparse::sum(z, windowed_input(io)));
    const auto own = padding_.is_implicit() ? padding_.low : Sizes(D, 0);
    const auto image = padding_.is_implicit() ? io.inputs[0] : padded(io.inputs[0]);
    return std::get<1>(at::convolution_backward(total, image, module_->weight, {}, stride_, own, dilation_, false,
                                                Sizes(D, 0), groups_, {false, true, false}));
  }
  Tensor affine_input(const LayerIO& io) const override {
    return unfold(padded(io.inputs[0]), kernel_, stride_, dilation_, groups_);
  }
  Tensor affine_columns(const LayerIO&, const Tensor& columns) const override {
    const auto channels = module_->weight.size(0) / groups_;
    return columns.reshape({columns.size(0), columns.size(1), groups_, channels, -1}).permute({0, 1, 4, 2, 3});
  }

 private:
  /// With fewer, runs are short, and LibTorch's kernel is faster.
  static constexpr int64_t kManyChannels = 16;

  static Sizes sizes(const torch::ExpandingArray<D>& array) { return {array->begin(), array->end()}; }

  Tensor padded(const Tensor& input) const {
    if (padding_.low == Sizes(D, 0) && padding_.high == Sizes(D, 0)) return input;
    return at::pad(input, padding_.reversed(), padding_.mode);
  }

  /// The image with padding by what is inside; zeros are put around it by whoever lays it out.
  Sizes seen(at::IntArrayRef image) const {
    auto sizes = image.vec();
    for (std::size_t d = 0; d < D && !padding_.is_zero(); ++d) sizes[d] += padding_.low[d] + padding_.high[d];
    return sizes;
  }

  /// From z [V, n, S, G, C] to [V n, C_in, *seen].
  Tensor by_picked_rows(const Tensor& z, const LayerIO& io) const {
    const auto weight = module_->weight.detach().reshape({groups_, z.size(4), -1});
    return sparse::transposed_convolution(z, weight, windows(io), seen(io.inputs[0].sizes().slice(2))).flatten(0, 1);
  }

  /// The same from [V n, C_out, *out].
  Tensor by_convolution(const Tensor& columns, at::IntArrayRef image) const {
    const auto pulled = in_blocks(columns, image);
    return padding_.is_zero() && !padding_.is_implicit() ? at::constant_pad_nd(pulled, padding_.reversed(-1)) : pulled;
  }

  /// Without oneDNN, as in double precision, LibTorch unfolds a whole batch at once: rows go in blocks of 1 GiB of that.
  Tensor in_blocks(const Tensor& columns, at::IntArrayRef unpadded) const {
    int64_t unfolded = module_->weight[0].numel() / module_->weight.size(1) * columns.size(1);
    for (const auto size : unpadded) unfolded *= size;
    const auto block = std::max<int64_t>((int64_t{1} << 30) / (unfolded * static_cast<int64_t>(columns.element_size())), 1);
    if (columns.scalar_type() == at::kFloat || columns.size(0) <= block) return transposed_convolution(columns, unpadded);
    TensorList parts;
    for (const auto& rows : columns.split(block)) parts.push_back(transposed_convolution(rows, unpadded));
    return at::cat(parts);
  }

  /// From [B, C_out, *out] to [B, C_in, *image], the image with all padding that the convolution does not do itself.
  Tensor transposed_convolution(const Tensor& columns, at::IntArrayRef unpadded) const {
    Sizes own(D, 0), missing(D, 0), turned(D, 0);
    bool turns = true;  // stride 1: a convolution with the kernel turned round, faster than a transposed one
    for (std::size_t d = 0; d < D; ++d) {
      const auto reach = dilation_[d] * (kernel_[d] - 1);
      if (padding_.is_implicit()) own[d] = padding_.low[d];
      const auto image = unpadded[d] + (padding_.is_implicit() ? 0 : padding_.low[d] + padding_.high[d]);
      missing[d] = image - ((columns.size(2 + d) - 1) * stride_[d] + reach + 1 - 2 * own[d]);
      turned[d] = reach - own[d];
      turns = turns && stride_[d] == 1 && turned[d] >= 0;
    }
    if (turns)
      return at::convolution(columns, turned_weight(), {}, stride_, turned, dilation_, false, Sizes(D, 0), groups_);
    return at::convolution(columns, module_->weight, {}, stride_, own, dilation_, true, missing, groups_);
  }

  /// W with input and output channels exchanged within each group and the kernel turned round.
  Tensor turned_weight() const {
    const auto& weight = module_->weight;
    Sizes axes;
    for (std::size_t d = 0; d < D; ++d) axes.push_back(2 + static_cast<int64_t>(d));
    return weight.flip(axes).unflatten(0, {groups_, weight.size(0) / groups_}).transpose(1, 2).flatten(0, 1);
  }

  std::shared_ptr<Module> module_;
  Sizes kernel_, stride_, dilation_;
  int64_t groups_;
  ConvPadding padding_;
};

}  // namespace

void register_conv(RuleTable& table) {
  table.add<torch::nn::Conv1dImpl, ConvRule<1, torch::nn::Conv1dImpl>>();
  table.add<torch::nn::Conv2dImpl, ConvRule<2, torch::nn::Conv2dImpl>>();
  table.add<torch::nn::Conv3dImpl, ConvRule<3, torch::nn::Conv3dImpl>>();
}

}  // namespace backobs
