// SPDX-License-Identifier: MIT
#include "plain_network.h"

#include <backobs/blocks.h>

#include "network/tape.h"

namespace backobs {
namespace {

Tensor plain_wide_resnet(const Plain& p, const Tensor& input, int64_t blocks_per_group, bool training) {
  auto x = p.conv(input, "conv1.1", 1, 1);
  for (int64_t group = 1; group <= 3; ++group)
    for (int64_t block = 1; block <= blocks_per_group; ++block) {
      const auto unit = "res_unit" + std::to_string(group) + std::to_string(block) + ".";
      const bool first = block == 1, halves = first && group > 1;
      const auto y = p.norm(x, unit + "bn1", training).relu();
      auto z = p.conv(y, unit + "conv1.1", halves ? 0 : 1, 1, halves ? 2 : 1);
      z = p.conv(p.norm(z, unit + "bn2", training).relu(), unit + "conv2.1", 1, 1);
      x = z + (first ? p.conv(y, unit + "convFirstBlock.1", 0, 0, halves ? 2 : 1) : x);
    }
  return p.dense(p.norm(x, "bn", training).relu().mean({2, 3}), "dense");
}
void expect_wide_resnet(int64_t blocks_per_group, int64_t widening, bool training) {
  const auto net = shaken(blocks::wide_resnet(blocks_per_group, widening, 10, Random(1)));
  expect_equal_classifier(net, {3, 32, 32}, training, [&](const Plain& p, const Tensor& x) {
    return plain_wide_resnet(p, x, blocks_per_group, training);
  });
}
TEST(BranchedNetworks, WideResnet164InTraining) { expect_wide_resnet(2, 4, true); }
TEST(BranchedNetworks, WideResnet164InEvaluation) { expect_wide_resnet(2, 4, false); }
TEST(BranchedNetworks, WideResnetOfThreeBlocksPerGroup) { expect_wide_resnet(3, 1, true); }

// Runs in evaluation mode, where the noise is drawn all the same: it is read off the network and then held.
TEST(BranchedNetworks, Autoencoder) {
  const auto net = shaken(blocks::vae(Random(1)));
  const auto image = draw({3, 1, 28, 28}, "images").sigmoid();
  const Batch batch{{image}, {image}, at::arange(3), 3};
  std::map<std::string, Tensor> at_node;
  {
    const at::NoGradGuard no_grad;
    run_forward(net, {image}, {false, false, Random(5), {}},
                [&](NodeId id, const Tensor& value) { at_node[net.nodes()[id].name] = value.clone(); });
  }
  const auto noise = (at_node.at("sample") - at_node.at("dense1")) / at_node.at("log_std").exp();
  EXPECT_GT(noise.abs().max().item<double>(), 0.1);
  const auto leaky = [](const Tensor& x) { return at::leaky_relu(x, 0.3); };
  expect_equal(net, variational_autoencoder(), batch, false, [&](const Plain& p) {
    auto x = leaky(p.conv(image, "conv1.1", 1, 1, 2));
    x = leaky(p.conv(x, "conv2.1", 1, 1, 2));
    x = leaky(p.conv(x, "conv3.1", 1, 2)).flatten(1);
    const auto mean = p.dense(x, "dense1"), log_std = 0.5 * p.dense(x, "dense2");
    x = leaky(p.dense(leaky(p.dense(mean + noise * log_std.exp(), "dense3")), "dense4")).view({3, 1, 7, 7});
    x = p.deconv(x, "deconv1.1", 2, 1, 1).relu();
    x = p.deconv(x, "deconv2.1", 1, 2, 1).relu();
    x = p.deconv(x, "deconv3.1", 1, 2, 1).relu();
    const auto output = p.dense(x.flatten(1), "dense5").sigmoid().view_as(image);
    const auto divergence = -0.5 * (1 + 2 * log_std - mean.square() - (2 * log_std).exp()).sum();
    return PlainResult{output, ((output - image).square().sum() + divergence) / 3};
  });
}

}  // namespace
}  // namespace backobs
