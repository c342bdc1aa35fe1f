// SPDX-License-Identifier: MIT
#include <backobs/data.h>
#include <backobs/error.h>
#include <backobs/legacy_random.h>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace backobs {
namespace {

/// Every pixel of image i is i modulo 256, every label i modulo 10: a batch shows where it came from.
ImageSet numbered(int64_t train, int64_t test, int64_t channels = 1) {
  const auto images = [&](int64_t count) {
    return at::arange(count).remainder(256).to(at::kByte).view({count, 1, 1, 1}).expand({count, channels, 2, 3}).contiguous();
  };
  return {"numbered", images(train), images(test), at::arange(train).remainder(10), at::arange(test).remainder(10), 10};
}

DataRequest with(Protocol protocol) {
  DataRequest request;
  request.protocol = protocol;
  return request;
}

std::set<int64_t> as_set(const std::vector<int64_t>& order) { return {order.begin(), order.end()}; }

std::vector<int64_t> official_split(int64_t train, std::size_t held_out) {
  auto order = MersenneTwister::python(42).shuffled(train);
  order.resize(held_out);
  return order;
}

TEST(ImageSource, SplitIsPythonsShuffle) {
  const auto source = image_source(numbered(60000, 50), with(Protocol::deepobs), 10000);
  const auto valid = source->order(Phase::valid, Random(42));
  EXPECT_EQ(valid.size(), 10000u);
  EXPECT_EQ(as_set(valid), as_set(official_split(60000, 10000)));
  EXPECT_EQ(std::accumulate(valid.begin(), valid.end(), int64_t{0}), 299472237);
  const auto train = as_set(source->order(Phase::train, Random(42)));
  EXPECT_EQ(train.size(), 50000u);
  EXPECT_TRUE(std::none_of(valid.begin(), valid.end(), [&](int64_t i) { return train.count(i) > 0; }));
}

TEST(ImageSource, SplitFollowsTheRequestsSeed) {
  DataRequest request;
  request.seed = 43;
  const auto source = image_source(numbered(600, 50), request, 100);
  auto expected = MersenneTwister::python(43).shuffled(600);
  expected.resize(100);
  EXPECT_EQ(as_set(source->order(Phase::valid, Random(1))), as_set(expected));
}

TEST(ImageSource, OrdersFollowThePosition) {
  const auto source = image_source(numbered(600, 50), with(Protocol::deepobs), 100);
  const Random first(7, 0, 0);
  for (const Phase phase : {Phase::train, Phase::train_eval, Phase::valid}) {
    EXPECT_EQ(source->order(phase, first), source->order(phase, first)) << to_string(phase);
    EXPECT_NE(source->order(phase, first), source->order(phase, first.at(1, 0))) << to_string(phase);
    EXPECT_NE(source->order(phase, first), source->order(phase, Random(8, 0, 0))) << to_string(phase);
  }
  EXPECT_EQ(source->order(Phase::test, first), source->order(Phase::test, first.at(1, 0)));
}

TEST(ImageSource, DeepobsDrawsTrainEvalFromTheWholeTrainingSet) {
  const auto source = image_source(numbered(600, 50), with(Protocol::deepobs), 100);
  const auto valid = as_set(source->order(Phase::valid, Random(1)));
  std::set<int64_t> seen;
  bool overlaps = false;
  for (int64_t epoch = 0; epoch < 100; ++epoch) {
    const auto drawn = source->order(Phase::train_eval, Random(1, epoch));
    EXPECT_EQ(as_set(drawn).size(), 100u);
    for (const int64_t index : drawn) overlaps = overlaps || valid.count(index) > 0;
    seen.insert(drawn.begin(), drawn.end());
  }
  EXPECT_TRUE(overlaps);
  EXPECT_EQ(seen.size(), 600u);  // missing one image in 100 passes has probability 1e-5
  for (const Phase phase : {Phase::train, Phase::train_eval, Phase::valid, Phase::test})
    EXPECT_TRUE(source->drops_incomplete(phase));
}

TEST(ImageSource, StrictKeepsTrainEvalInsideTheTrainingImages) {
  const auto source = image_source(numbered(600, 50), with(Protocol::strict), 100);
  const auto train = as_set(source->order(Phase::train, Random(1)));
  for (int64_t epoch = 0; epoch < 20; ++epoch)
    for (const int64_t index : source->order(Phase::train_eval, Random(1, epoch))) ASSERT_EQ(train.count(index), 1u);
  EXPECT_EQ(as_set(source->order(Phase::valid, Random(1))), as_set(official_split(600, 100)));
  EXPECT_TRUE(source->drops_incomplete(Phase::train));
  for (const Phase phase : {Phase::train_eval, Phase::valid, Phase::test}) EXPECT_FALSE(source->drops_incomplete(phase));
}

TEST(ImageSource, BatchesHoldWhatTheIndicesSay) {
  const auto source = image_source(numbered(600, 50), with(Protocol::deepobs), 100);
  for (const auto& indices : {std::vector<int64_t>{255, 3, 3, 597}, std::vector<int64_t>{40, 41, 42}}) {
    const Batch batch = source->batch(Phase::train, indices, Random(1));
    const auto n = static_cast<int64_t>(indices.size());
    EXPECT_EQ(batch.size, n);
    ASSERT_EQ(batch.inputs.front().sizes(), (std::vector<int64_t>{n, 1, 2, 3}));
    ASSERT_EQ(batch.inputs.front().scalar_type(), at::kFloat);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t index = indices[static_cast<std::size_t>(i)];
      EXPECT_EQ(batch.inputs.front()[i][0][1][2].item<float>(), static_cast<float>(index % 256) / 255.0f);
      EXPECT_EQ(batch.targets.front()[i].item<int64_t>(), index % 10);
      EXPECT_EQ(batch.indices[i].item<int64_t>(), index);
    }
  }
}

TEST(ImageSource, BatchesNeverShareMemoryWithTheSet) {
  const auto source = image_source(numbered(600, 50), with(Protocol::deepobs), 100);
  source->batch(Phase::test, {1, 2}, Random(1)).inputs.front().zero_();
  EXPECT_EQ(source->batch(Phase::test, {1, 2}, Random(1)).inputs.front()[1][0][0][0].item<float>(), 2.0f / 255.0f);
}

TEST(ImageSource, EqualsLibTorchsOwnTransformBitForBit) {
  const std::vector<double> mean = {0.491, 0.482, 0.446}, std = {0.247, 0.243, 0.261};
  const std::vector<int64_t> indices = {7, 250, 100, 8};
  ImageSet set = numbered(600, 50, 3);
  set.train_images.random_(0, 256);
  const Tensor chosen = set.train_images.index_select(0, at::tensor(indices));
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    DataRequest request;
    request.dtype = dtype;
    const auto per_channel = [&](const std::vector<double>& values) { return at::tensor(values, at::kDouble).to(dtype).view({1, 3, 1, 1}); };
    const Tensor expected = chosen.to(dtype).div(255).sub(per_channel(mean)).div(per_channel(std));
    const auto source = image_source(set, request, 100, {mean, std});
    EXPECT_TRUE(source->batch(Phase::train, indices, Random(1)).inputs.front().equal(expected)) << c10::toString(dtype);
  }
}

TEST(ImageSource, NormalisesPerChannelInTheRequestedType) {
  DataRequest request;
  request.dtype = at::kDouble;
  const auto source = image_source(numbered(600, 50, 3), request, 100, {{0.1, 0.2, 0.3}, {1, 2, 4}});
  const Tensor pixel = source->batch(Phase::train, {51, 7}, Random(1)).inputs.front()[0].select(1, 0).select(1, 0);
  EXPECT_EQ(pixel.scalar_type(), at::kDouble);
  for (const auto& [channel, expected] : {std::pair(0, 0.1), std::pair(1, 0.0), std::pair(2, -0.025)})
    EXPECT_NEAR(pixel[channel].item<double>(), expected, 1e-15);
}

TEST(ImageSource, SyntheticHoldsOutATenth) {
  DataRequest request;
  request.source = Source::synthetic;
  const auto source = image_source(load_images("mnist", request), request, 10000);
  EXPECT_EQ(source->order(Phase::train, Random(1)).size(), 5000u);
  EXPECT_EQ(source->order(Phase::valid, Random(1)).size(), 1000u);
  EXPECT_EQ(source->order(Phase::test, Random(1)).size(), 1000u);
}

TEST(ImageSource, RefusesWhatMakesNoSense) {
  EXPECT_THROW(image_source(numbered(60, 5), {}, 60), ComputeError);
  EXPECT_THROW(image_source(numbered(60, 5), {}, 10, {{0.1, 0.2}, {}}), ComputeError);
  const auto source = image_source(numbered(60, 5), {}, 10);
  EXPECT_THROW(source->batch(Phase::test, {5}, Random(1)), ComputeError);
  EXPECT_THROW(source->batch(Phase::train, {-1, 2}, Random(1)), ComputeError);
  EXPECT_THROW(source->batch(Phase::train, {}, Random(1)), ComputeError);
}

TEST(TensorSource, ShufflesTrainingAlone) {
  TensorSet set;
  for (auto* list : {&set.inputs, &set.targets})
    for (std::size_t i = 0; i < 3; ++i) (*list)[i] = at::arange(20, at::kFloat).view({20, 1}) + static_cast<double>(100 * i);
  const auto source = tensor_source(set, {});
  const auto train = source->order(Phase::train, Random(1));
  EXPECT_EQ(as_set(train).size(), 20u);
  EXPECT_FALSE(std::is_sorted(train.begin(), train.end()));
  EXPECT_NE(train, source->order(Phase::train, Random(1, 1)));
  for (const Phase phase : {Phase::valid, Phase::test}) {
    const auto order = source->order(phase, Random(1));
    EXPECT_TRUE(order.size() == 20u && std::is_sorted(order.begin(), order.end()));
  }
  EXPECT_EQ(source->batch(Phase::train_eval, {7, 2}, Random(1)).inputs.front()[0].item<float>(), 7);
  EXPECT_EQ(source->batch(Phase::valid, {7, 2}, Random(1)).targets.front()[1].item<float>(), 102);
  EXPECT_EQ(source->batch(Phase::test, {7, 2}, Random(1)).inputs.front()[0].item<float>(), 207);
}

TEST(TensorSource, RefusesUnequalCounts) {
  TensorSet set;
  set.inputs = {at::zeros({3, 1}), at::zeros({3, 1}), at::zeros({3, 1})};
  set.targets = {at::zeros({3, 1}), at::zeros({2, 1}), at::zeros({3, 1})};
  EXPECT_THROW(tensor_source(set, {}), ComputeError);
}

TEST(Random, KeysDependOnEveryPart) {
  const Random base(1, 2, 3);
  const std::set<uint64_t> keys = {
      base.key(Draw::shuffle, 4),        base.key(Draw::dropout, 4), base.key(Draw::shuffle, 5), Random(2, 2, 3).key(Draw::shuffle, 4),
      base.at(3, 3).key(Draw::shuffle, 4), base.at(2, 4).key(Draw::shuffle, 4), base.at(3, 2).key(Draw::shuffle, 4)};
  EXPECT_EQ(keys.size(), 7u);
  EXPECT_EQ(base.key(Draw::shuffle, 4), Random(1, 2, 3).key(Draw::shuffle, 4));
}

TEST(Random, GeneratorsOfNeighbouringPositionsAreUnrelated) {
  Tensor draws = at::empty({1000, 100}, at::kDouble);
  for (int64_t step = 0; step < 1000; ++step)
    draws[step].uniform_(0, 1, Random(42, 0, step).generator(Draw::noise, "node"));
  EXPECT_NEAR(draws.mean().item<double>(), 0.5, 4 * std::sqrt(1.0 / 12 / 1e5));
  EXPECT_NEAR(draws.var(false).item<double>(), 1.0 / 12, 1e-3);
  EXPECT_EQ(std::get<0>(at::_unique(draws)).numel(), 100000);
  const Tensor centred = draws - 0.5;
  const double neighbours = (centred.narrow(0, 1, 999) * centred.narrow(0, 0, 999)).mean().item<double>() * 12;
  EXPECT_NEAR(neighbours, 0, 4 / std::sqrt(99900.0));
}

}  // namespace
}  // namespace backobs
