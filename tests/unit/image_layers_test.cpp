// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/error.h>
#include <backobs/image_layers.h>

#include "network/tape.h"
#include "tolerance.h"

#include <torch/nn/modules/activation.h>

namespace backobs {
namespace {

/// Bare values of a network's output.
Tensor output(const Network& net, const Tensor& input) {
  const at::NoGradGuard no_grad;
  return run_forward(net, {input}, {})[0];
}

Tensor image(std::vector<int64_t> shape) {
  auto generator = Random(7).generator(Draw::probe);
  return at::randn(shape, generator, at::kDouble);
}

// Every case that occurs in DeepOBS's problems.
TEST(SamePadding, IsTensorFlows) {
  EXPECT_EQ(same_padding(28, 3, 2), (Padding{0, 1}));  // 3c3d, maxima
  EXPECT_EQ(same_padding(12, 3, 2), (Padding{0, 1}));
  EXPECT_EQ(same_padding(6, 3, 2), (Padding{0, 1}));
  EXPECT_EQ(same_padding(6, 3, 1), (Padding{1, 1}));   // 3c3d, conv3
  EXPECT_EQ(same_padding(28, 5, 1), (Padding{2, 2}));  // 2c2d
  EXPECT_EQ(same_padding(14, 2, 2), (Padding{0, 0}));
  EXPECT_EQ(same_padding(32, 3, 2), (Padding{0, 1}));  // All-CNN-C, wide residual networks
  EXPECT_EQ(same_padding(6, 1, 1), (Padding{0, 0}));
  EXPECT_EQ(same_padding(32, 1, 2), (Padding{0, 0}));  // a window narrower than its stride: never negative
  EXPECT_EQ(same_padding(28, 4, 2), (Padding{1, 1}));  // autoencoder
  EXPECT_EQ(same_padding(7, 4, 1), (Padding{1, 2}));
  EXPECT_EQ(same_padding_transposed(7, 4, 2), (Padding{1, 1}));
  EXPECT_EQ(same_padding_transposed(14, 4, 1), (Padding{1, 2}));
}

TEST(ImageLayers, NameConvolutionsAsDeepobsDoes) {
  Network net({2, 9, 6});
  ImageLayers layers(net);
  layers.conv("a", 3, 3, Border::valid).conv("b", 4, 3, Border::same).conv("c", 4, 3, Border::same, 2, false);
  std::vector<std::string> names;
  for (const auto& parameter : net.parameters()) names.push_back(parameter.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a.0.weight", "a.0.bias", "b.1.weight", "b.1.bias", "c.1.weight"}));
  EXPECT_EQ(net.sample_shapes().back(), (std::vector<int64_t>{4, 4, 2}));
  EXPECT_EQ(layers.features(), 4 * 4 * 2);
}

// Rows and columns of different parity need different zeros.
TEST(ImageLayers, SameConvolutionIsOneOverZeros) {
  for (const int64_t stride : {1, 2, 3})
    for (const int64_t kernel : {1, 2, 3, 5}) {
      Network net({2, 9, 6});
      ImageLayers(net).conv("conv", 3, kernel, Border::same, stride);
      net.to(at::kDouble, at::kCPU);
      const auto x = image({2, 2, 9, 6});
      const auto rows = same_padding(9, kernel, stride), columns = same_padding(6, kernel, stride);
      const auto padded = at::constant_pad_nd(x, {columns.before, columns.after, rows.before, rows.after});
      const auto &weight = net.parameter("conv.1.weight").value, &bias = net.parameter("conv.1.bias").value;
      const auto wanted = at::conv2d(padded, weight, bias, stride);
      EXPECT_EQ(wanted.size(2), (9 + stride - 1) / stride);
      EXPECT_TRUE(equal_up_to_rounding(output(net, x), wanted)) << "kernel " << kernel << ", stride " << stride;
    }
}

TEST(ImageLayers, MaximaOfNonNegativeValuesMayPadWithZero) {
  for (const int64_t stride : {1, 2, 3})
    for (const int64_t kernel : {2, 3, 4}) {
      Network net({2, 9, 6});
      const ImageLayers layers = ImageLayers(net).add("relu", torch::nn::ReLU()).max_pool("pool", kernel, stride);
      const auto x = image({2, 2, 9, 6});
      const auto rows = same_padding(9, kernel, stride), columns = same_padding(6, kernel, stride);
      const auto padded = at::constant_pad_nd(x.relu(), {columns.before, columns.after, rows.before, rows.after});
      const auto wanted = at::max_pool2d(padded, kernel, stride);
      EXPECT_TRUE(output(net, x).equal(wanted)) << "kernel " << kernel << ", stride " << stride;
      EXPECT_EQ(layers.rows(), wanted.size(2));
      EXPECT_EQ(layers.columns(), wanted.size(3));
    }
}

// All windows of the transposed convolution, cropped by two at the top and left and by one at the bottom and right
// where three lines are too many. TensorFlow crops the other way round.
TEST(ImageLayers, TransposedConvolutionIsCroppedMirrored) {
  Network even({3, 7, 7}), odd({3, 14, 14});
  ImageLayers(even).conv_transpose("deconv", 2, 4, 2);
  ImageLayers(odd).conv_transpose("deconv", 2, 4, 1);
  for (Network* net : {&even, &odd}) {
    net->to(at::kDouble, at::kCPU);
    const bool is_even = net == &even;
    const auto x = is_even ? image({2, 3, 7, 7}) : image({2, 3, 14, 14});
    const auto &weight = net->parameter("deconv.1.weight").value, &bias = net->parameter("deconv.1.bias").value;
    const auto all = at::conv_transpose2d(x, weight, bias, is_even ? 2 : 1);
    const int64_t first = is_even ? 1 : 2;
    EXPECT_TRUE(equal_up_to_rounding(output(*net, x), all.narrow(2, first, 14).narrow(3, first, 14)));
  }
}

TEST(ImageLayers, WantImages) {
  Network flat({784});
  EXPECT_THROW(ImageLayers{flat}, ComputeError);
  EXPECT_THROW(blocks::vgg(11, 10, Random(1)), ComputeError);
}

TEST(Blocks, PenaltyCoversWeights) {
  EXPECT_TRUE(blocks::is_weight("conv1.0.weight"));
  EXPECT_FALSE(blocks::is_weight("conv1.0.bias"));
  EXPECT_TRUE(blocks::is_conv_or_dense_weight("res_unit11.convFirstBlock.1.weight"));
  EXPECT_TRUE(blocks::is_conv_or_dense_weight("dense.weight"));
  EXPECT_FALSE(blocks::is_conv_or_dense_weight("dense.bias"));
  EXPECT_FALSE(blocks::is_conv_or_dense_weight("res_unit11.bn1.weight"));
}

}  // namespace
}  // namespace backobs
