// SPDX-License-Identifier: MIT
#include "host/page_keeper.h"

#include <backobs/error.h>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

namespace backobs {
namespace {

constexpr int64_t kMebi = 1 << 20;

/// One process, one allocator: all tests share a limit of 64 MiB.
class PageKeeper : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("BACKOBS_KEEP_MIB", "many", 1);
    EXPECT_THROW(keep_pages(), UsageError);
    setenv("BACKOBS_KEEP_MIB", "0", 1);
    keep_pages();
    EXPECT_EQ(kept_pages().limit_bytes, 0u);
    setenv("BACKOBS_KEEP_MIB", "64", 1);
    keep_pages();
    ASSERT_EQ(kept_pages().limit_bytes, std::size_t{64} << 20);
  }
};

/// The first test, while little was ever in use.
TEST_F(PageKeeper, KeepsNoSizesThatAddUpToMoreThanWasInUse) {
  at::empty({20 * kMebi}, at::kByte);
  EXPECT_GE(kept_pages().kept_bytes, std::size_t{20} << 20);
  const auto larger = at::empty({30 * kMebi}, at::kByte);
  EXPECT_EQ(kept_pages().kept_bytes, 0u);
}

TEST_F(PageKeeper, HandsOutALargerBlockWhereNoneIsOfTheSize) {
  give_back_pages();
  const void* first = at::empty({20 * kMebi}, at::kByte).data_ptr();
  EXPECT_EQ(at::empty({5 * kMebi}, at::kByte).data_ptr(), first);
  EXPECT_NE(at::empty({kMebi}, at::kByte).data_ptr(), first);
}

TEST_F(PageKeeper, HandsOutAFreedBlockAgain) {
  const void* first = at::empty({7 * kMebi}, at::kByte).data_ptr();
  const auto before = kept_pages();
  const auto again = at::ones({7 * kMebi}, at::kByte);
  EXPECT_EQ(again.data_ptr(), first);
  EXPECT_EQ(kept_pages().reused, before.reused + 1);
  EXPECT_EQ(kept_pages().fresh, before.fresh);
  EXPECT_EQ(again.sum().item<int64_t>(), 7 * kMebi);
}

TEST_F(PageKeeper, AlignsEverySizeAndKeepsNeighboursApart) {
  std::vector<at::Tensor> held;
  for (int64_t bytes : {kMebi / 16 - 1, kMebi / 16, kMebi / 16 + 1, kMebi - 1, kMebi, kMebi + 1, 2 * kMebi - 64, 2 * kMebi, 3 * kMebi + 7, int64_t{0}}) {
    held.push_back(at::full({bytes}, static_cast<int64_t>(held.size()), at::kByte));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(held.back().data_ptr()) % 64, 0u) << bytes;
  }
  for (std::size_t i = 0; i < held.size(); ++i) EXPECT_TRUE(held[i].eq(static_cast<int64_t>(i)).all().item<bool>()) << i;
}

/// oneDNN asks for raw memory, where LibTorch uses it.
TEST_F(PageKeeper, ServesConvolutions) {
  const auto output = at::conv2d(at::ones({16, 1, 28, 28}), at::ones({32, 1, 5, 5}), {}, 1, 2);
  EXPECT_EQ(output.sizes(), (std::vector<int64_t>{16, 32, 28, 28}));
  EXPECT_EQ(output[3][4][14][14].item<float>(), 25);
}

TEST_F(PageKeeper, NeverKeepsMoreThanItsLimit) {
  std::vector<at::Tensor> held;
  for (int i = 0; i < 12; ++i) held.push_back(at::empty({10 * kMebi}, at::kByte));
  held.clear();
  EXPECT_LE(kept_pages().kept_bytes, kept_pages().limit_bytes);
  EXPECT_GT(kept_pages().kept_bytes, 0u);
}

TEST_F(PageKeeper, ServesThreadsThatFreeEachOthersBlocks) {
  std::vector<at::Tensor> shared(8);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 2; ++i)
          shared[static_cast<std::size_t>((2 * t + i + round) % 8)] = at::full({kMebi + 4096 * i}, t + 1, at::kByte);
      });
    for (auto& thread : threads) thread.join();
    for (const auto& tensor : shared) ASSERT_TRUE(tensor.eq(tensor[0]).all().item<bool>());
  }
  EXPECT_LE(kept_pages().kept_bytes, kept_pages().limit_bytes);
}

}  // namespace
}  // namespace backobs
