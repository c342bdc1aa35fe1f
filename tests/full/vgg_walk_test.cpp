// SPDX-License-Identifier: MIT
// Three of the VGGs, too slow for every day: legality and one walk with every legal quantity, as problem_walk_test does
// it with the other problems.
#include "contract/problem_walk.h"

namespace backobs {
namespace {

class VggWalk : public ::testing::TestWithParam<std::string> {};

TEST_P(VggWalk, RefusesWhatHasNoMeaningAndNothingElse) { expect_legality(GetParam()); }
TEST_P(VggWalk, WalksOnceWithEverythingElse) { walk_with_everything(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Deepobs, VggWalk, ::testing::Values("cifar10_vgg19", "cifar100_vgg16", "cifar100_vgg19"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace backobs
