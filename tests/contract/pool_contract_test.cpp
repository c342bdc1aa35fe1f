// SPDX-License-Identifier: MIT
// Pooling, padding and interpolation of 1, 2 and 3 axes against the defaults, which read from autograd, over their
// hyper-parameters; and their forward against the module's own.
#include "contract/contract_rules.h"
#include "kernels/selection.h"
#include "network/channelwise.h"

#include <backobs/module.h>
#include <backobs/testing/layer_contract.h>

#include <torch/nn/modules/padding.h>
#include <torch/nn/modules/pooling.h>
#include <torch/nn/modules/upsampling.h>

namespace backobs {
namespace {

namespace nn = torch::nn;

/// Each pair of channels by itself against its block of the whole.
void expect_channel_pairs(const std::shared_ptr<const LayerRule>& rule, const Tensor& input) {
  ASSERT_TRUE(keeps_channels_apart(*rule)) << rule->type();
  const RecordedLayer layer(rule, {input}, {});
  const auto samples = input.size(0), channels = input.size(1);
  const auto io = layer.io(0, samples);
  const auto positions = layer.output().numel() / (samples * channels), pixels = input.numel() / (samples * channels);
  const auto mat = at::randn({channels * positions, channels * positions}, at::kDouble);
  const auto whole = rule->sum_jac_t_mat_jac(io, mat).reshape({channels, pixels, channels, pixels});
  const auto one_pair = channel_pair_map(*rule, io);
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t d = 0; d < channels; ++d) {
      const auto block = mat.view({channels, positions, channels, positions}).select(0, c).select(1, d);
      expect_close(one_pair(c, d, block), whole.select(0, c).select(1, d), rule->type() + ": pair of channels");
    }
}

template <typename Module>
void check(Module module, const Tensor& input) {
  const auto rule = rule_for(typeid(*module), module.ptr(), detail::forward_of(module.ptr()));
  EXPECT_FALSE(rule->records_graph()) << rule->type() << " has no rule";
  EXPECT_LAYER_CONTRACT(rule, {input});
  expect_channel_pairs(rule, input);
  TensorList saved;
  expect_close(rule->forward({input}, {}, saved), module->forward(input), rule->type());
}

const Tensor& line() { static const auto x = random({3, 2, 7}); return x; }
const Tensor& image() { static const auto x = random({3, 2, 5, 6}); return x; }
const Tensor& volume() { static const auto x = random({2, 2, 4, 3, 4}); return x; }
Tensor one() { return image().narrow(0, 0, 1); }
Tensor transposed() { return random({6, 5, 2, 3}).permute({3, 2, 1, 0}); }

TEST(PoolContract, MaxPool) {
  check(nn::MaxPool1d(nn::MaxPool1dOptions(2)), line());
  check(nn::MaxPool2d(nn::MaxPool2dOptions({2, 3})), image());
  check(nn::MaxPool3d(nn::MaxPool3dOptions(2)), volume());
  check(nn::MaxPool2d(nn::MaxPool2dOptions(2)), one());
  check(nn::MaxPool2d(nn::MaxPool2dOptions(2)), transposed());
}
TEST(PoolContract, MaxPoolOverlapPaddingDilationCeil) {
  check(nn::MaxPool1d(nn::MaxPool1dOptions(3).stride(2).padding(1).ceil_mode(true)), line());
  check(nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(2).padding(1)), image());
  check(nn::MaxPool2d(nn::MaxPool2dOptions({2, 3}).stride(1).dilation({2, 1}).ceil_mode(true)), image());
  check(nn::MaxPool2d(nn::MaxPool2dOptions(2).stride({3, 2}).ceil_mode(true)), image());
  check(nn::MaxPool3d(nn::MaxPool3dOptions(2).stride(1).padding(1).dilation({1, 2, 1})), volume());
}
TEST(PoolContract, AdaptiveMaxPool) {
  check(nn::AdaptiveMaxPool1d(nn::AdaptiveMaxPool1dOptions(3)), line());
  check(nn::AdaptiveMaxPool2d(nn::AdaptiveMaxPool2dOptions({3, 4})), image());
  check(nn::AdaptiveMaxPool3d(nn::AdaptiveMaxPool3dOptions({2, 2, 3})), volume());
}

TEST(Selection, EqualsItsPlainTwin) {
  const auto index = at::randint(12, {3, 2, 5}, at::kLong);
  const auto columns = random({4, 3, 2, 5}), mat = random({10, 10});
  expect_close(selection::transposed(columns, index, 12), selection::transposed_plainly(columns, index, 12), "columns");
  expect_close(selection::both_sides(mat, index, 12), selection::both_sides_plainly(mat, index, 12), "matrix");
}

TEST(PoolContract, AvgPool) {
  check(nn::AvgPool1d(nn::AvgPool1dOptions(2)), line());
  check(nn::AvgPool2d(nn::AvgPool2dOptions({2, 3})), image());
  check(nn::AvgPool3d(nn::AvgPool3dOptions(2)), volume());
  check(nn::AvgPool2d(nn::AvgPool2dOptions(2)), one());
  check(nn::AvgPool2d(nn::AvgPool2dOptions(2)), transposed());
}
TEST(PoolContract, AvgPoolOverlapPaddingCeilDivisor) {
  for (const bool counts_padding : {true, false}) {
    check(nn::AvgPool1d(nn::AvgPool1dOptions(3).stride(2).padding(1).ceil_mode(true).count_include_pad(counts_padding)), line());
    check(nn::AvgPool2d(nn::AvgPool2dOptions({2, 3}).stride({2, 1}).padding({1, 0}).ceil_mode(true).count_include_pad(counts_padding)),
          image());
    check(nn::AvgPool2d(nn::AvgPool2dOptions(3).stride(2).padding(1).divisor_override(5).count_include_pad(counts_padding)), image());
    check(nn::AvgPool3d(nn::AvgPool3dOptions(2).stride(1).padding(1).count_include_pad(counts_padding)), volume());
  }
  check(nn::AvgPool2d(nn::AvgPool2dOptions(2).stride(3).ceil_mode(true)), image());
  check(nn::AvgPool3d(nn::AvgPool3dOptions({2, 3, 2}).stride(2).ceil_mode(true).divisor_override(3)), volume());
}
TEST(PoolContract, AdaptiveAvgPool) {
  check(nn::AdaptiveAvgPool1d(nn::AdaptiveAvgPool1dOptions(3)), line());
  check(nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions({5, 4})), image());
  check(nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions({1, 1})), image());
  check(nn::AdaptiveAvgPool3d(nn::AdaptiveAvgPool3dOptions({3, 2, 3})), volume());
}

TEST(PadContract, Constant) {
  check(nn::ZeroPad2d(nn::ZeroPad2dOptions({1, 0, 2, 1})), image());
  check(nn::ZeroPad2d(nn::ZeroPad2dOptions({1, -1, -2, 1})), image());
  check(nn::ZeroPad2d(nn::ZeroPad2dOptions(1)), transposed());
  check(nn::ConstantPad1d(nn::ConstantPad1dOptions({2, 1}, 0.5)), line());
  check(nn::ConstantPad2d(nn::ConstantPad2dOptions({0, 1, 2, 0}, -1)), one());
  check(nn::ConstantPad3d(nn::ConstantPad3dOptions({1, 0, 0, 1, 1, 1}, 2)), volume());
}
TEST(PadContract, Reflection) {
  check(nn::ReflectionPad1d(nn::ReflectionPad1dOptions({2, 3})), line());
  check(nn::ReflectionPad2d(nn::ReflectionPad2dOptions({1, 2, 0, 3})), image());
  check(nn::ReflectionPad3d(nn::ReflectionPad3dOptions({1, 2, 0, 1, 2, 0})), volume());
}
TEST(PadContract, Replication) {
  check(nn::ReplicationPad1d(nn::ReplicationPad1dOptions({2, 3})), line());
  check(nn::ReplicationPad2d(nn::ReplicationPad2dOptions({1, 2, 0, 3})), image());
  check(nn::ReplicationPad3d(nn::ReplicationPad3dOptions({1, 2, 0, 1, 2, 0})), volume());
}

template <typename Mode>
nn::Upsample upsample(const std::vector<double>& scale, Mode mode, c10::optional<bool> corners = {}) {
  return nn::Upsample(nn::UpsampleOptions().scale_factor(scale).mode(mode).align_corners(corners));
}
template <typename Mode>
nn::Upsample resize(const std::vector<int64_t>& size, Mode mode, c10::optional<bool> corners = {}) {
  return nn::Upsample(nn::UpsampleOptions().size(size).mode(mode).align_corners(corners));
}

TEST(UpsampleContract, Nearest) {
  check(upsample({2}, torch::kNearest), line());
  check(upsample({2, 1.5}, torch::kNearest), image());
  check(upsample({2, 1, 1.5}, torch::kNearest), volume());
  check(resize({7, 3}, torch::kNearest), image());
}
TEST(UpsampleContract, Linear) {
  for (const bool corners : {false, true}) {
    check(upsample({2}, torch::kLinear, corners), line());
    check(upsample({2, 1.5}, torch::kBilinear, corners), image());
    check(upsample({1.5, 2, 1}, torch::kTrilinear, corners), volume());
    check(upsample({1.5, 2}, torch::kBicubic, corners), image());
    check(resize({8, 9}, torch::kBilinear, corners), image());
    check(resize({4, 11}, torch::kBilinear, corners), transposed());
  }
  check(upsample({2, 2}, torch::kBilinear, false), one());
}

}  // namespace
}  // namespace backobs
