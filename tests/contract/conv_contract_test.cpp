// SPDX-License-Identifier: MIT
// Convolutions and transposed convolutions of 1, 2 and 3 axes against the defaults, which read from autograd, over
// their hyper-parameters; and their forward against the module's own.
#include "contract/contract_rules.h"

#include <backobs/module.h>
#include <backobs/testing/layer_contract.h>

#include <torch/nn/modules/conv.h>

namespace backobs {
namespace {

namespace nn = torch::nn;

template <typename Module>
void check(Module module, const Tensor& input) {
  module->to(at::kDouble);
  const auto rule = rule_for(typeid(*module), module.ptr(), detail::forward_of(module.ptr()));
  EXPECT_FALSE(rule->records_graph()) << rule->type() << " has no rule";
  EXPECT_LAYER_CONTRACT(rule, {input});
  TensorList saved;
  expect_close(rule->forward({input}, {}, saved).detach(), module->forward(input).detach(), rule->type());
}

void check(const nn::Conv1dOptions& options, const Tensor& input) { check(nn::Conv1d(options), input); }
void check(const nn::Conv2dOptions& options, const Tensor& input) { check(nn::Conv2d(options), input); }
void check(const nn::Conv3dOptions& options, const Tensor& input) { check(nn::Conv3d(options), input); }
void check(const nn::ConvTranspose1dOptions& options, const Tensor& input) { check(nn::ConvTranspose1d(options), input); }
void check(const nn::ConvTranspose2dOptions& options, const Tensor& input) { check(nn::ConvTranspose2d(options), input); }
void check(const nn::ConvTranspose3dOptions& options, const Tensor& input) { check(nn::ConvTranspose3d(options), input); }

TEST(ConvContract, Plain) {
  check(nn::Conv1dOptions(2, 3, 3), random({4, 2, 7}));
  check(nn::Conv2dOptions(2, 3, {3, 2}), random({4, 2, 5, 4}));
  check(nn::Conv3dOptions(2, 3, {2, 1, 2}), random({3, 2, 3, 2, 3}));
}
TEST(ConvContract, WithoutBias) { check(nn::Conv2dOptions(2, 3, 3).bias(false), random({4, 2, 5, 4})); }
TEST(ConvContract, OneSample) { check(nn::Conv2dOptions(2, 3, 3).padding(1), random({1, 2, 4, 3})); }
TEST(ConvContract, OneByOne) { check(nn::Conv2dOptions(3, 2, 1), random({2, 3, 4, 3})); }
TEST(ConvContract, OnePosition) { check(nn::Conv2dOptions(2, 3, {4, 3}), random({3, 2, 4, 3})); }
TEST(ConvContract, NonContiguousInput) {
  check(nn::Conv2dOptions(2, 3, 3).padding(1), random({5, 4, 2, 3}).permute({3, 2, 0, 1}));
}
TEST(ConvContract, StrideWithRowsThatAreNeverRead) {
  check(nn::Conv1dOptions(2, 3, 2).stride(3), random({3, 2, 7}));
  check(nn::Conv2dOptions(2, 3, 3).stride({2, 3}).padding({1, 0}), random({3, 2, 6, 8}));
  check(nn::Conv3dOptions(1, 2, 2).stride({1, 2, 2}), random({2, 1, 3, 3, 5}));
}
TEST(ConvContract, Dilation) {
  check(nn::Conv1dOptions(2, 3, 3).dilation(2).padding(1), random({3, 2, 8}));
  check(nn::Conv2dOptions(2, 2, {3, 2}).dilation({1, 3}).stride({2, 1}).padding({0, 2}), random({3, 2, 6, 6}));
}
TEST(ConvContract, PaddingBeyondTheKernel) { check(nn::Conv2dOptions(2, 3, 2).padding(3), random({2, 2, 3, 2})); }
TEST(ConvContract, Groups) {
  check(nn::Conv1dOptions(4, 6, 3).groups(2).padding(1), random({3, 4, 6}));
  check(nn::Conv2dOptions(4, 4, 3).groups(4).padding(1), random({2, 4, 4, 3}));
  check(nn::Conv2dOptions(4, 6, 2).groups(2).stride(2), random({2, 4, 5, 4}));
  check(nn::Conv3dOptions(2, 4, 2).groups(2), random({2, 2, 2, 3, 3}));
}
TEST(ConvContract, SameAndValid) {
  check(nn::Conv1dOptions(2, 3, 4).padding(torch::kSame), random({3, 2, 6}));
  check(nn::Conv2dOptions(2, 3, {3, 2}).padding(torch::kSame).dilation({1, 3}), random({3, 2, 5, 4}));
  check(nn::Conv3dOptions(1, 2, {2, 3, 1}).padding(torch::kSame), random({2, 1, 3, 3, 2}));
  check(nn::Conv2dOptions(2, 3, 3).padding(torch::kValid), random({3, 2, 5, 4}));
}
TEST(ConvContract, PaddingWithWhatIsInside) {
  check(nn::Conv1dOptions(2, 3, 3).padding(2).padding_mode(torch::kReflect), random({3, 2, 5}));
  check(nn::Conv2dOptions(2, 3, 3).padding({2, 1}).padding_mode(torch::kReflect).stride(2), random({3, 2, 4, 5}));
  check(nn::Conv2dOptions(2, 2, 3).padding({1, 2}).padding_mode(torch::kReplicate).groups(2), random({3, 2, 4, 5}));
  check(nn::Conv2dOptions(2, 3, 3).padding({2, 1}).padding_mode(torch::kCircular), random({3, 2, 4, 5}));
  check(nn::Conv3dOptions(1, 2, 2).padding(1).padding_mode(torch::kCircular), random({2, 1, 3, 2, 2}));
  check(nn::Conv3dOptions(1, 2, 2).padding(1).padding_mode(torch::kReplicate), random({2, 1, 3, 2, 2}));
  check(nn::Conv2dOptions(2, 3, 2).padding(torch::kSame).padding_mode(torch::kCircular), random({2, 2, 3, 3}));
}

TEST(ConvTransposeContract, Plain) {
  check(nn::ConvTranspose1dOptions(2, 3, 3), random({4, 2, 5}));
  check(nn::ConvTranspose2dOptions(2, 3, {3, 2}), random({4, 2, 3, 4}));
  check(nn::ConvTranspose3dOptions(2, 3, {2, 1, 2}), random({2, 2, 2, 2, 3}));
}
TEST(ConvTransposeContract, OneSampleWithoutBias) {
  check(nn::ConvTranspose2dOptions(2, 3, 3).bias(false).padding(1), random({1, 2, 3, 4}));
}
TEST(ConvTransposeContract, NonContiguousInput) {
  check(nn::ConvTranspose2dOptions(2, 3, 3).padding(1), random({3, 4, 2, 3}).permute({3, 2, 0, 1}));
}
TEST(ConvTransposeContract, StridePaddingOutputPadding) {
  check(nn::ConvTranspose1dOptions(2, 3, 4).stride(3).padding(1).output_padding(2), random({3, 2, 4}));
  check(nn::ConvTranspose2dOptions(2, 3, 3).stride({2, 3}).padding({2, 0}).output_padding({1, 0}), random({3, 2, 4, 3}));
  check(nn::ConvTranspose3dOptions(1, 2, 2).stride(2).output_padding({0, 1, 0}), random({2, 1, 2, 2, 2}));
}
TEST(ConvTransposeContract, Dilation) {
  check(nn::ConvTranspose2dOptions(2, 2, {3, 2}).dilation({1, 3}).stride({2, 1}).padding({0, 2}), random({3, 2, 3, 4}));
  check(nn::ConvTranspose1dOptions(2, 2, 3).dilation(3).stride(2).output_padding(2), random({3, 2, 4}));
}
TEST(ConvTransposeContract, PaddingBeyondTheKernel) { check(nn::ConvTranspose2dOptions(2, 3, 2).padding(2), random({2, 2, 6, 7})); }
TEST(ConvTransposeContract, Groups) {
  check(nn::ConvTranspose1dOptions(4, 6, 3).groups(2).stride(2), random({3, 4, 4}));
  check(nn::ConvTranspose2dOptions(4, 4, 2).groups(4).padding(1), random({2, 4, 4, 3}));
  check(nn::ConvTranspose3dOptions(2, 4, 2).groups(2), random({2, 2, 2, 2, 2}));
}

}  // namespace
}  // namespace backobs
