// SPDX-License-Identifier: MIT
// Every problem with every quantity that has a meaning on it: which have none, and one walk with all others at once,
// reductions recorded, on two synthetic samples. Of the VGGs, whose images are 224 x 224, one; the others are in tests/full.
#include "problem_walk.h"

namespace backobs {
namespace {

class ProblemWalk : public ::testing::TestWithParam<std::string> {};

TEST_P(ProblemWalk, RefusesWhatHasNoMeaningAndNothingElse) { expect_legality(GetParam()); }
TEST_P(ProblemWalk, WalksOnceWithEverythingElse) { walk_with_everything(GetParam()); }

std::vector<std::string> all_but_the_slowest() {
  std::vector<std::string> names;
  for (const auto& plugin : walk_registry().list("problem"))
    if (plugin.manifest.name == "cifar10_vgg16" || plugin.manifest.name.find("vgg") == std::string::npos)
      names.push_back(plugin.manifest.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Registry, ProblemWalk, ::testing::ValuesIn(all_but_the_slowest()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace backobs
