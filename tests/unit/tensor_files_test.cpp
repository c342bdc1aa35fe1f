// SPDX-License-Identifier: MIT
#include "campaign/tensor_files.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace backobs::testing {
namespace {

namespace fs = std::filesystem;

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

TEST(TensorFiles, OfStepsBehindACheckpointAreDropped) {
  TemporaryFolder temporary;
  TensorFiles files(temporary.path());
  for (const int64_t step : {3, 7, 12}) {
    files.keep("mc", "mc", "weight", {at::ones({2})});
    files.write({0, step, step, 20});
  }
  std::ofstream(temporary.path() / "mc/step_99.txt") << "somebody's own";
  files.drop_from(7);
  EXPECT_EQ(names_in(temporary.path() / "mc"), (std::set<std::string>{"step_0000000003.pt", "step_99.txt"}));
}

TEST(TensorFiles, WithoutAFolderThereIsNothingToDrop) {
  TemporaryFolder temporary;
  EXPECT_NO_THROW(TensorFiles(temporary.path() / "none").drop_from(0));
}

}  // namespace
}  // namespace backobs::testing
