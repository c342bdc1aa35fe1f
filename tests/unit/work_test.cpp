// SPDX-License-Identifier: MIT
#include "host/registry.h"
#include "measure/machine_rates.h"
#include "measure/work.h"

#include <ATen/ATen.h>
#include <backobs/module.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

namespace backobs {
namespace {

std::vector<ParameterInfo> weights_of(const Network& network, const std::string& layer) {
  std::vector<ParameterInfo> infos;
  for (const auto& parameter : network.parameters())
    infos.push_back({parameter.name, parameter.value.sizes().vec(), network.nodes()[parameter.uses[0].node].name, layer,
                     parameter.value.dim() > 1 ? ParamForm::weight : ParamForm::bias, false, 0});
  return infos;
}

std::vector<ExtensionInstance> extension(const std::string& name) {
  static const Registry registry({std::filesystem::path(BACKOBS_BUILD_DIR) / "plugins"});
  return {{name, registry.make_extension(name, registry.schema("extension", name).check({}, name, name))}};
}

Network two_dense_layers() {
  Network network({6});
  network.add("dense1", torch::nn::Linear(6, 5));
  network.add("dense2", torch::nn::Linear(5, 3));
  return network;
}

/// Forward and weight gradient of both layers, the signal through the second: 2 N (2 * 30 + 3 * 15) operations.
constexpr double kGradient = 2 * 4 * (2 * 30 + 3 * 15);

TEST(Work, OfTheGradientIsThreeProductsPerLayerAndTwoAtTheFirst) {
  const auto network = two_dense_layers();
  const Work work = count_work(network, weights_of(network, "Linear"), {}, 4, 4);
  EXPECT_EQ(work.operations, kGradient);
  EXPECT_EQ(work.bytes, 4 * (4 * (5 + 3) + 6 * 5 + 5 + 5 * 3 + 3));  // outputs, then the gradient
}

TEST(Work, OfAnExactDiagonalMovesOneColumnPerOutput) {
  const auto network = two_dense_layers();
  const Work work = count_work(network, weights_of(network, "Linear"), extension("diag_ggn_exact"), 4, 4);
  const double moved = 3 * 2 * 4 * 15;                                                   // V = 3 through the second layer
  const double squares = 2 * 4 * (30 + 15) + 2 * 3 * 4 * (5 + 3);  // squares summed over V, then one product per layer
  EXPECT_EQ(work.operations, kGradient + moved + squares);
}

TEST(Work, OfIndividualGradientsIsOneMoreProductPerWeight) {
  const auto network = two_dense_layers();
  EXPECT_EQ(count_work(network, weights_of(network, "Linear"), extension("grad_batch"), 4, 4).operations,
            kGradient + 2 * 4 * (30 + 15));
}

TEST(Work, OfAConvolutionCountsItsPositions) {
  Network network({2, 8, 8});
  network.add("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(2, 3, 3)));
  EXPECT_EQ(count_work(network, weights_of(network, "Conv2d"), {}, 4, 4).operations, 2 * (2 * 4 * 6 * 6 * 3 * (2 * 3 * 3)));
  Network transposed({2, 8, 8});
  transposed.add("conv", torch::nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(2, 3, 3)));
  EXPECT_EQ(count_work(transposed, weights_of(transposed, "ConvTranspose2d"), {}, 4, 4).operations,
            2 * (2 * 4 * 8 * 8 * 2 * (3 * 3 * 3)));
}

TEST(MachineRates, ArePositiveAndTheResidentPeakSeesAnAllocation) {
  const MachineRates rates = measure_machine_rates(c10::kFloat);
  EXPECT_GT(rates.operations_per_second, 1e8);
  EXPECT_GT(rates.bytes_per_second, 1e8);
  if (!forget_peak()) GTEST_SKIP() << "/proc/self/clear_refs cannot be written";
  const double before = resident_memory().now_mib;
  at::ones({32 << 20}, at::kByte).sum();
  EXPECT_GT(resident_memory().peak_mib, before + 24);
}

}  // namespace
}  // namespace backobs
