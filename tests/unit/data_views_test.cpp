// SPDX-License-Identifier: MIT
#include <backobs/data_views.h>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

namespace backobs {
namespace {

std::shared_ptr<DataSource> source() {
  ImageSet set;
  set.name = "numbered";
  set.classes = 10;
  set.train_images = at::arange(600).remainder(256).to(at::kByte).view({600, 1, 1, 1});
  set.test_images = at::arange(50).to(at::kByte).view({50, 1, 1, 1});
  set.train_labels = at::arange(600).remainder(10);
  set.test_labels = at::arange(50).remainder(10);
  return image_source(set, {}, 100);
}

std::set<int64_t> as_set(const std::vector<int64_t>& order) { return {order.begin(), order.end()}; }

TEST(DataViews, ImagesAsTargetsLeaveTheRestAsItIs) {
  const auto plain = source(), coded = images_as_targets(plain);
  for (const Phase phase : {Phase::train, Phase::train_eval, Phase::valid, Phase::test}) {
    EXPECT_EQ(coded->order(phase, Random(1)), plain->order(phase, Random(1)));
    EXPECT_EQ(coded->drops_incomplete(phase), plain->drops_incomplete(phase));
  }
  const Batch batch = coded->batch(Phase::test, {4, 2}, Random(1)), same = plain->batch(Phase::test, {4, 2}, Random(1));
  ASSERT_EQ(batch.targets.size(), 1u);
  EXPECT_TRUE(batch.targets[0].equal(same.inputs[0]));
  EXPECT_TRUE(batch.inputs[0].equal(same.inputs[0]));
  EXPECT_TRUE(batch.indices.equal(same.indices));
  EXPECT_EQ(batch.size, 2);
}

TEST(DataViews, HeldOutImagesAreTrainedOnAmongTheOthers) {
  const auto plain = source(), all = with_held_out_images(plain);
  const auto order = all->order(Phase::train, Random(1));
  EXPECT_EQ(order.size(), 600u);
  EXPECT_EQ(as_set(order).size(), 600u);
  EXPECT_EQ(order, all->order(Phase::train, Random(1)));
  EXPECT_NE(order, all->order(Phase::train, Random(1, 1)));
  const auto held_out = as_set(plain->order(Phase::valid, Random(1)));
  int64_t early = 0;  // of 100 among the first 300; the standard deviation is 3.5
  for (std::size_t i = 0; i < 300; ++i) early += static_cast<int64_t>(held_out.count(order[i]));
  EXPECT_NEAR(early, 50, 18);
  for (const Phase phase : {Phase::train_eval, Phase::valid, Phase::test})
    EXPECT_EQ(all->order(phase, Random(1)), plain->order(phase, Random(1)));
}

}  // namespace
}  // namespace backobs
