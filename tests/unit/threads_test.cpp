// SPDX-License-Identifier: MIT
// Loops of the library run on all threads: at::parallel_for is a template, which is serial where it is compiled without OpenMP.
#include "kernels/over_samples.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace backobs {
namespace {

TEST(Threads, LoopsOverSamplesRunOnAllOfThem) {
  at::set_num_threads(3);
  ASSERT_EQ(chunks_of(7), 3);
  std::vector<std::thread::id> threads(3);
  std::vector<int> seen(7);
  over_samples(7, [&](int64_t chunk, int64_t first, int64_t last) {
    threads[static_cast<std::size_t>(chunk)] = std::this_thread::get_id();
    for (auto n = first; n < last; ++n) ++seen[static_cast<std::size_t>(n)];
  }, 3);
  EXPECT_EQ(seen, std::vector<int>(7, 1));
  EXPECT_NE(threads[0], threads[1]);
  EXPECT_NE(threads[1], threads[2]);
}

}  // namespace
}  // namespace backobs
