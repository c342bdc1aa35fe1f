// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/error.h>
#include <backobs/initialise.h>
#include <backobs/module.h>

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

namespace backobs {
namespace {

Network two_dense() {
  Network net({400});
  net.add("a", torch::nn::Linear(400, 300));
  net.add("b", torch::nn::Linear(300, 300));
  return net;
}

double spread(const Tensor& value) { return value.detach().to(at::kDouble).std(false).item<double>(); }

TEST(Initialise, Constant) {
  const Network net = two_dense();
  initialise::constant(net, "a.bias", 0.25);
  EXPECT_TRUE(net.parameter("a.bias").value.equal(at::full({300}, 0.25)));
  EXPECT_TRUE(net.parameter("a.bias").value.requires_grad());
}

TEST(Initialise, TruncatedNormal) {
  const Network net = two_dense();
  initialise::truncated_normal(net, "a.weight", 0.03, Random(1));
  const Tensor value = net.parameter("a.weight").value.detach();
  EXPECT_LE(value.abs().max().item<double>(), 0.06 * (1 + 1e-6));
  EXPECT_GT(value.abs().max().item<double>(), 0.0599);
  // 120,000 draws: the standard error of the mean is 0.0029 std, that of the deviation smaller.
  EXPECT_NEAR(value.mean().item<double>(), 0, 0.03 * 0.01);
  EXPECT_NEAR(spread(value), 0.87963 * 0.03, 0.03 * 0.01);
  // P(|x| < std) = 0.682689 / 0.954500
  EXPECT_NEAR((value.abs() < 0.03).to(at::kDouble).mean().item<double>(), 0.715232, 0.006);
}

TEST(Initialise, XavierUniformAndNormal) {
  const Network net = two_dense();
  const double bound = std::sqrt(6.0 / 700);
  initialise::xavier_uniform(net, "a.weight", Random(1));
  EXPECT_LE(net.parameter("a.weight").value.abs().max().item<double>(), bound * (1 + 1e-6));
  EXPECT_NEAR(spread(net.parameter("a.weight").value), bound / std::sqrt(3.0), bound * 0.005);
  initialise::xavier_normal(net, "b.weight", Random(1));
  EXPECT_NEAR(spread(net.parameter("b.weight").value), std::sqrt(2.0 / 600), 0.0006);
  EXPECT_THROW(initialise::xavier_normal(net, "b.bias", Random(1)), ComputeError);
}

TEST(Initialise, FansOfAConvolutionCountItsKernel) {
  Network net({32, 8, 8});
  net.add("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(32, 64, 5)));
  initialise::xavier_normal(net, "conv.weight", Random(1));
  EXPECT_NEAR(spread(net.parameter("conv.weight").value), std::sqrt(2.0 / (96 * 25)), 0.0005);
}

TEST(Initialise, DependsOnSeedAndNameAlone) {
  const Network one = two_dense(), two = two_dense();
  initialise::truncated_normal(one, "b.weight", 1, Random(1));
  initialise::truncated_normal(two, "a.weight", 1, Random(1));
  initialise::truncated_normal(two, "b.weight", 1, Random(1));
  EXPECT_TRUE(one.parameter("b.weight").value.equal(two.parameter("b.weight").value));
  EXPECT_FALSE(two.parameter("a.weight").value.flatten().narrow(0, 0, 100).equal(two.parameter("b.weight").value.flatten().narrow(0, 0, 100)));
  initialise::truncated_normal(two, "b.weight", 1, Random(2));
  EXPECT_FALSE(one.parameter("b.weight").value.equal(two.parameter("b.weight").value));
}

TEST(Initialise, AgreesBetweenTypesUpToRounding) {
  Network one = two_dense(), two = two_dense();
  two.to(at::kDouble, at::kCPU);
  for (const Network* net : {&one, &two}) initialise::xavier_uniform(*net, "a.weight", Random(5));
  EXPECT_TRUE(one.parameter("a.weight").value.equal(two.parameter("a.weight").value.to(at::kFloat)));
}

TEST(Blocks, Logreg) {
  const Network net = blocks::logreg();
  ASSERT_EQ(net.parameters().size(), 2u);
  EXPECT_EQ(net.parameter("dense.weight").value.sizes(), (std::vector<int64_t>{10, 784}));
  for (const auto& parameter : net.parameters()) EXPECT_EQ(parameter.value.abs().max().item<double>(), 0) << parameter.name;
}

TEST(Blocks, Mlp) {
  const Network net = blocks::mlp(Random(3));
  int64_t count = 0;
  std::vector<std::string> names;
  for (const auto& parameter : net.parameters()) {
    count += parameter.value.numel();
    names.push_back(parameter.name);
    if (parameter.value.dim() == 1) EXPECT_EQ(parameter.value.abs().max().item<double>(), 0) << parameter.name;
    else EXPECT_NEAR(spread(parameter.value), 0.026389, 0.001) << parameter.name;
  }
  EXPECT_EQ(count, 1336610);
  EXPECT_EQ(names, (std::vector<std::string>{"dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias", "dense3.weight",
                                             "dense3.bias", "dense4.weight", "dense4.bias"}));
  EXPECT_EQ(net.nodes().back().name, "dense4");
}

}  // namespace
}  // namespace backobs
