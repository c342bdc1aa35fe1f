// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/image_layers.h>
#include <backobs/nodes.h>

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/padding.h>
#include <torch/nn/modules/pooling.h>

#include <algorithm>

namespace backobs {

namespace {

Padding split(int64_t total) {
  total = std::max<int64_t>(total, 0);
  return {total / 2, total - total / 2};
}

/// Output positions of a window that does not leave the `in` positions it has.
int64_t windows(int64_t in, int64_t kernel, int64_t stride) { return (in - kernel) / stride + 1; }

bool is_even(const Padding& padding) { return padding.before == padding.after; }

}  // namespace

Padding same_padding(int64_t in, int64_t kernel, int64_t stride) {
  const int64_t out = (in + stride - 1) / stride;
  return split((out - 1) * stride + kernel - in);
}

Padding same_padding_transposed(int64_t in, int64_t kernel, int64_t stride) {
  return split((in - 1) * stride + kernel - in * stride);
}

ImageLayers::ImageLayers(Network& network) : network_(&network) {
  const auto& shape = network.nodes().front().sample_shape;
  if (shape.size() != 3)
    throw ComputeError("image layers", std::to_string(shape.size()) + " axes per sample", "3: channels, rows, columns");
  std::copy(shape.begin(), shape.end(), shape_.begin());
}

void ImageLayers::pad(const std::string& name, const Padding& rows, const Padding& columns) {
  if (rows == Padding() && columns == Padding()) return;
  const torch::nn::ZeroPad2dOptions zeros({columns.before, columns.after, rows.before, rows.after});
  add(name, torch::nn::ZeroPad2d(zeros),
      {channels(), this->rows() + rows.before + rows.after, this->columns() + columns.before + columns.after});
}

ImageLayers& ImageLayers::conv(const std::string& name, int64_t channels, int64_t kernel, Border border,
                               int64_t stride, bool bias) {
  auto options = torch::nn::Conv2dOptions(this->channels(), channels, kernel).stride(stride).bias(bias);
  const bool same = border == Border::same;
  const Padding rows = same ? same_padding(this->rows(), kernel, stride) : Padding();
  const Padding columns = same ? same_padding(this->columns(), kernel, stride) : Padding();
  const std::array<int64_t, 3> shape = {channels, windows(this->rows() + rows.before + rows.after, kernel, stride),
                                        windows(this->columns() + columns.before + columns.after, kernel, stride)};
  if (is_even(rows) && is_even(columns)) options.padding({rows.before, columns.before});
  else pad(name + ".0", rows, columns);
  return add(name + (same ? ".1" : ".0"), torch::nn::Conv2d(options), shape);
}

ImageLayers& ImageLayers::conv_transpose(const std::string& name, int64_t channels, int64_t kernel, int64_t stride) {
  auto options = torch::nn::ConvTranspose2dOptions(this->channels(), channels, kernel).stride(stride);
  const std::array<int64_t, 3> shape = {channels, this->rows() * stride, this->columns() * stride};
  const Padding rows = same_padding_transposed(this->rows(), kernel, stride);
  const Padding columns = same_padding_transposed(this->columns(), kernel, stride);
  // A zero in front of the input moves the result by one stride, so equally many on both sides crop less instead.
  if (is_even(rows) && is_even(columns)) {
    options.padding({kernel - 1 - rows.before * stride, kernel - 1 - columns.before * stride});
  } else {
    pad(name + ".0", rows, columns);
    options.padding(kernel - 1);
  }
  return add(name + ".1", torch::nn::ConvTranspose2d(options), shape);
}

ImageLayers& ImageLayers::max_pool(const std::string& name, int64_t kernel, int64_t stride) {
  const auto options = torch::nn::MaxPool2dOptions(kernel).stride(stride);
  const auto same = [&](int64_t in) { return (in + stride - 1) / stride; };
  const std::array<int64_t, 3> shape = {channels(), same(this->rows()), same(this->columns())};
  // LibTorch's ceil mode cuts the last window off where the image ends, which "same" is where nothing comes in front.
  const auto is_ceil_mode = [&](int64_t in) {
    return same_padding(in, kernel, stride).before == 0 && windows(in + stride - 1, kernel, stride) == same(in);
  };
  if (is_ceil_mode(this->rows()) && is_ceil_mode(this->columns()))
    return add(name, torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions(options).ceil_mode(true)), shape);
  pad(name + ".0", same_padding(this->rows(), kernel, stride), same_padding(this->columns(), kernel, stride));
  return add(name + ".1", torch::nn::MaxPool2d(options), shape);
}

ImageLayers& ImageLayers::sum(const std::string& name, const ImageLayers& other) {
  node_ = network_->add(name, nodes::sum(), {node_, other.node_});
  return *this;
}

}  // namespace backobs
