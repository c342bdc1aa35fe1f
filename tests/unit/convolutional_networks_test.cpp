// SPDX-License-Identifier: MIT
#include "plain_network.h"

#include <backobs/blocks.h>

namespace backobs {
namespace {

Tensor zero_padded_maxima(const Tensor& x, int64_t kernel, int64_t stride, int64_t after) {
  return at::max_pool2d(at::constant_pad_nd(x, {0, after, 0, after}), kernel, stride);
}

TEST(ConvolutionalNetworks, Net2c2d) {
  expect_equal_classifier(shaken(blocks::net_2c2d(Random(1))), {1, 28, 28}, true, [](const Plain& p, Tensor x) {
    x = at::max_pool2d(p.conv(x, "conv1.1", 2, 2).relu(), 2);
    x = at::max_pool2d(p.conv(x, "conv2.1", 2, 2).relu(), 2);
    return p.dense(p.dense(x.flatten(1), "dense1").relu(), "dense2");
  });
}

TEST(ConvolutionalNetworks, Net3c3d) {
  expect_equal_classifier(shaken(blocks::net_3c3d(10, Random(1))), {3, 32, 32}, true, [](const Plain& p, Tensor x) {
    x = zero_padded_maxima(p.conv(x, "conv1.0", 0, 0).relu(), 3, 2, 1);
    x = zero_padded_maxima(p.conv(x, "conv2.0", 0, 0).relu(), 3, 2, 1);
    x = zero_padded_maxima(p.conv(x, "conv3.1", 1, 1).relu(), 3, 2, 1);
    return p.dense(p.dense(p.dense(x.flatten(1), "dense1").relu(), "dense2").relu(), "dense3");
  });
}

// Dropout is off: the test of names and layers says where it stands.
TEST(ConvolutionalNetworks, AllCnnC) {
  expect_equal_classifier(shaken(blocks::allcnnc(Random(1))), {3, 32, 32}, false, [](const Plain& p, Tensor x) {
    x = p.conv(p.conv(x, "conv1.1", 1, 1).relu(), "conv2.1", 1, 1).relu();
    x = p.conv(x, "conv3.1", 0, 1, 2).relu();
    x = p.conv(p.conv(x, "conv4.1", 1, 1).relu(), "conv5.1", 1, 1).relu();
    x = p.conv(x, "conv6.1", 0, 1, 2).relu();
    x = p.conv(x, "conv7.0", 0, 0).relu();
    x = p.conv(p.conv(x, "conv8.1", 0, 0).relu(), "conv9.1", 0, 0).relu();
    return x.mean({2, 3});
  });
}

void expect_vgg(int64_t depth, const std::vector<std::vector<std::string>>& blocks) {
  constexpr int64_t kSize = 64;  // a small copy of the 224 pixels: the same layers, twelve times less work
  const auto net = shaken(blocks::vgg(depth, 10, Random(1), kSize));
  expect_equal_classifier(net, {3, 32, 32}, false, [&](const Plain& p, Tensor x) {
    x = at::upsample_bilinear2d(x, {kSize, kSize}, true);
    for (const auto& block : blocks) {
      for (const auto& layer : block) x = p.conv(x, "conv" + layer + ".1", 1, 1).relu();
      x = at::max_pool2d(x, 2);
    }
    return p.dense(p.dense(p.dense(x.flatten(1), "dense1").relu(), "dense2").relu(), "dense3");
  });
}
TEST(ConvolutionalNetworks, Vgg16) {
  expect_vgg(16, {{"11", "12"}, {"21", "22"}, {"31", "32", "33"}, {"41", "42", "43"}, {"51", "52", "53"}});
}
TEST(ConvolutionalNetworks, Vgg19) {
  expect_vgg(19, {{"11", "12"}, {"21", "22"}, {"31", "32", "33", "34"}, {"41", "42", "43", "44"},
                  {"51", "52", "53", "54"}});
}

}  // namespace
}  // namespace backobs
