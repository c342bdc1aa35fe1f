// SPDX-License-Identifier: MIT
#include "kernels/max_pool.h"
#include "kernels/selection.h"
#include "network/channelwise.h"
#include "network/rule_table.h"

#include <backobs/error.h>

#include <ATen/ATen.h>
#include <c10/util/accumulate.h>
#include <torch/nn/modules/pooling.h>

#include <array>

namespace backobs {
namespace {

using Sizes = std::vector<int64_t>;

template <std::size_t D>
Sizes sizes(const torch::ExpandingArray<D>& array) { return {array->begin(), array->end()}; }

/// Every window has to meet the image: of one that begins before it, dilation may put all other pixels behind it. Windows that
/// do not fit at all are left to LibTorch to refuse.
void require_pixels(int64_t size, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
  for (auto first = -padding; stride > 0 && dilation > 0 && first < 0; first += stride) {
    const auto inside = first + (dilation - 1 - first) / dilation * dilation;
    if (inside < size && inside <= first + (kernel - 1) * dilation) continue;
    throw ComputeError("maximum pooling of " + std::to_string(size) + " pixels", "a window that meets none of them",
                       "less padding or dilation");
  }
}

std::array<int64_t, 2> of(const Sizes& sizes) { return {sizes[0], sizes[1]}; }

/// y[n,c,s] = x[n,c,index[n,c,s]] on the last D axes, the image: each output pixel is one input pixel of its channel,
/// and its flat position in the image is saved.
template <std::size_t D, typename Module>
class MaximumRule : public LayerRule, public ChannelwiseRule {
 public:
  explicit MaximumRule(std::shared_ptr<Module> module) : module_(std::move(module)) {}

  std::shared_ptr<torch::nn::Module> module() const override { return module_; }
  Tensor forward(const TensorList& inputs, const ForwardContext& context, TensorList& saved) const override {
    if (!context.walked) return maximum_alone(inputs[0]);
    auto [output, indices] = maximum(inputs[0]);
    saved = {std::move(indices)};
    return output;
  }
  bool records_graph() const override { return false; }
  bool is_curved() const override { return false; }
  bool reads_inputs() const override { return false; }
  bool reads_output() const override { return false; }

  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override {
    auto shape = io.inputs[0].sizes().slice(1).vec();
    shape.insert(shape.begin(), {columns.size(0), columns.size(1)});
    const auto index = flat_index(io);
    const auto values = columns.reshape({columns.size(0), columns.size(1), index.size(1), index.size(2)});
    return {selection::transposed(values, index, image_size(io)).view(shape)};
  }
  Tensor sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const override {
    return selection::both_sides(mat, flat_index(io), image_size(io));
  }
  ChannelPairMap channel_pair_map(const LayerIO& io) const override {
    const auto by_channel = flat_index(io).transpose(0, 1).contiguous();
    const auto image = image_size(io);
    return [by_channel, image](int64_t c, int64_t d, const Tensor& mat) {
      return selection::one_pair(mat, by_channel[c], by_channel[d], image);
    };
  }

 protected:
  static constexpr int64_t kFirstAxis = -static_cast<int64_t>(D);

  /// The output and the positions it was read from.
  virtual std::tuple<Tensor, Tensor> maximum(const Tensor& input) const = 0;
  virtual Tensor maximum_alone(const Tensor& input) const { return std::get<0>(maximum(input)); }

  std::shared_ptr<Module> module_;

 private:
  /// [n, channels, S].
  Tensor flat_index(const LayerIO& io) const {
    const auto index = io.saved[0].flatten(kFirstAxis);
    return index.reshape({io.samples(), -1, index.size(-1)});
  }
  int64_t image_size(const LayerIO& io) const {
    const auto& input = io.inputs[0];
    return c10::multiply_integers(input.sizes().slice(static_cast<std::size_t>(input.dim()) - D));
  }
};

template <std::size_t D, typename Module>
class MaxPoolRule final : public MaximumRule<D, Module> {
 public:
  using MaximumRule<D, Module>::MaximumRule;
  std::string type() const override { return "MaxPool" + std::to_string(D) + "d"; }

 protected:
  std::tuple<Tensor, Tensor> maximum(const Tensor& input) const override {
    const auto [kernel, stride, padding, dilation, ceil_mode] = fitting(input);
    if constexpr (D == 1) return at::max_pool1d_with_indices(input, kernel, stride, padding, dilation, ceil_mode);
    else if constexpr (D == 2) return max_pool2d(input, {of(kernel), of(stride), of(padding), of(dilation), ceil_mode});
    else return at::max_pool3d_with_indices(input, kernel, stride, padding, dilation, ceil_mode);
  }
  Tensor maximum_alone(const Tensor& input) const override {
    if constexpr (D == 2) {
      const auto [kernel, stride, padding, dilation, ceil_mode] = fitting(input);
      return max_pool2d_alone(input, {of(kernel), of(stride), of(padding), of(dilation), ceil_mode});
    } else {
      return std::get<0>(maximum(input));
    }
  }

 private:
  struct Fitting {
    Sizes kernel, stride, padding, dilation;
    bool ceil_mode;
  };

  /// The module's windows, which meet this image.
  Fitting fitting(const Tensor& input) const {
    const auto& o = this->module_->options;
    Fitting f{sizes<D>(o.kernel_size()), sizes<D>(o.stride()), sizes<D>(o.padding()), sizes<D>(o.dilation()), o.ceil_mode()};
    for (std::size_t axis = 0; axis < D; ++axis) {
      const auto pixels = input.size(this->kFirstAxis + static_cast<int64_t>(axis));
      require_pixels(pixels, f.kernel[axis], f.stride[axis], f.padding[axis], f.dilation[axis]);
    }
    return f;
  }
};

template <std::size_t D, typename Module>
class AdaptiveMaxPoolRule final : public MaximumRule<D, Module> {
 public:
  using MaximumRule<D, Module>::MaximumRule;
  std::string type() const override { return "AdaptiveMaxPool" + std::to_string(D) + "d"; }

 protected:
  std::tuple<Tensor, Tensor> maximum(const Tensor& input) const override {
    return this->module_->forward_with_indices(input);
  }
};

}  // namespace

void register_max_pool(RuleTable& table) {
  namespace nn = torch::nn;
  table.add<nn::MaxPool1dImpl, MaxPoolRule<1, nn::MaxPool1dImpl>>();
  table.add<nn::MaxPool2dImpl, MaxPoolRule<2, nn::MaxPool2dImpl>>();
  table.add<nn::MaxPool3dImpl, MaxPoolRule<3, nn::MaxPool3dImpl>>();
  table.add<nn::AdaptiveMaxPool1dImpl, AdaptiveMaxPoolRule<1, nn::AdaptiveMaxPool1dImpl>>();
  table.add<nn::AdaptiveMaxPool2dImpl, AdaptiveMaxPoolRule<2, nn::AdaptiveMaxPool2dImpl>>();
  table.add<nn::AdaptiveMaxPool3dImpl, AdaptiveMaxPoolRule<3, nn::AdaptiveMaxPool3dImpl>>();
}

}  // namespace backobs
