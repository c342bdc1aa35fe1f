// SPDX-License-Identifier: MIT
#include <backobs/data.h>
#include <backobs/error.h>

#include "data/augmentation.h"
#include "unit/colour_jitter_table.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <map>
#include <random>
#include <set>

namespace backobs {
namespace {

using Bytes = std::vector<uint8_t>;
using Shape = std::array<int64_t, 3>;

constexpr Augmentation kCifar{2, true, 63.0 / 255, 0.8, 0.5};

Bytes varied(const Variation& variation, int64_t padding, const Shape& shape, const Bytes& image) {
  Bytes out(image.size());
  vary(variation, padding, shape, image.data(), out.data());
  return out;
}

std::array<Jitter, 3> order_of(const std::string& letters) {
  std::string all = letters;
  for (const char letter : std::string("bcs"))
    if (all.find(letter) == std::string::npos) all += letter;
  std::array<Jitter, 3> order;
  for (std::size_t i = 0; i < 3; ++i)
    order[i] = all[i] == 'b' ? Jitter::brightness : all[i] == 'c' ? Jitter::contrast : Jitter::saturation;
  return order;
}

TEST(Augmentation, JitterIsPillowsToTheByte) {
  for (const auto& known : testing::kJittered) {
    Variation variation;
    variation.order = order_of(known.order);
    variation.factor = {static_cast<float>(known.brightness), static_cast<float>(known.contrast),
                        static_cast<float>(known.saturation)};
    EXPECT_EQ(varied(variation, 0, {3, 4, 4}, testing::kJitterInput), known.bytes) << known.order;
  }
}

/// The definition, pixel by pixel, without a table or a row in sight.
struct PlainTwin {
  Shape shape;
  Bytes image;

  uint8_t at(const Bytes& bytes, int64_t c, int64_t y, int64_t x) const {
    const bool inside = y >= 0 && y < shape[1] && x >= 0 && x < shape[2];
    return inside ? bytes[static_cast<std::size_t>((c * shape[1] + y) * shape[2] + x)] : 0;
  }
  Bytes moved(const Variation& v, int64_t padding) const {
    Bytes out;
    for (int64_t c = 0; c < shape[0]; ++c)
      for (int64_t y = 0; y < shape[1]; ++y)
        for (int64_t x = 0; x < shape[2]; ++x) {
          const int64_t seen = v.flip ? shape[2] - 1 - x : x;
          out.push_back(at(image, c, y + v.row - padding, seen + v.column - padding));
        }
    return out;
  }
  static int grey(const Bytes& bytes, std::size_t pixel, std::size_t plane) {
    return (19595 * bytes[pixel] + 38470 * bytes[plane + pixel] + 7471 * bytes[2 * plane + pixel] + 32768) / 65536;
  }
  static Bytes jittered(const Bytes& bytes, Jitter kind, float f) {
    const std::size_t plane = bytes.size() / 3;
    double mean = 0;
    for (std::size_t i = 0; i < plane; ++i) mean += grey(bytes, i, plane);
    mean = std::floor(mean / static_cast<double>(plane) + 0.5);
    Bytes out = bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const double d = kind == Jitter::brightness ? 0 : kind == Jitter::contrast ? mean : grey(bytes, i % plane, plane);
      const float value = static_cast<float>(d) + f * static_cast<float>(bytes[i] - d);
      out[i] = static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : std::floor(value));
    }
    return out;
  }
};

TEST(Augmentation, EqualsThePlainTwin) {
  std::mt19937 generator(3);
  const Shape shape = {3, 32, 32};
  for (uint64_t key = 0; key < 300; ++key) {
    PlainTwin twin{shape, Bytes(3072)};
    for (auto& byte : twin.image) byte = static_cast<uint8_t>(generator());
    const Variation v = draw_variation(kCifar, key);
    Bytes expected = twin.moved(v, 2);
    for (const Jitter kind : v.order) expected = PlainTwin::jittered(expected, kind, v.factor[static_cast<std::size_t>(kind)]);
    ASSERT_EQ(varied(v, 2, shape, twin.image), expected) << "key " << key;
  }
}

TEST(Augmentation, CutsAndMirrorsSmallAndOddImages) {
  for (const Shape& shape : {Shape{1, 1, 1}, Shape{1, 2, 3}, Shape{3, 5, 2}}) {
    PlainTwin twin{shape, Bytes(static_cast<std::size_t>(shape[0] * shape[1] * shape[2]))};
    for (std::size_t i = 0; i < twin.image.size(); ++i) twin.image[i] = static_cast<uint8_t>(i + 1);
    for (uint64_t key = 0; key < 100; ++key) {
      const Variation v = draw_variation({4, true, 0, 0, 0}, key);
      ASSERT_EQ(varied(v, 4, shape, twin.image), twin.moved(v, 4)) << "key " << key;
    }
  }
}

TEST(Augmentation, DrawsAreUniform) {
  constexpr int kDraws = 60000;
  std::map<std::pair<int64_t, int64_t>, int> offsets;
  std::map<std::string, int> orders;
  int flips = 0;
  std::array<double, 3> sum{}, least{9, 9, 9}, most{};
  for (uint64_t key = 0; key < kDraws; ++key) {
    const Variation v = draw_variation(kCifar, key);
    ++offsets[{v.row, v.column}];
    flips += v.flip ? 1 : 0;
    std::string order;
    for (const Jitter kind : v.order) order += std::to_string(static_cast<int>(kind));
    ++orders[order];
    for (std::size_t i = 0; i < 3; ++i) {
      sum[i] += v.factor[i];
      least[i] = std::min<double>(least[i], v.factor[i]);
      most[i] = std::max<double>(most[i], v.factor[i]);
    }
  }
  ASSERT_EQ(offsets.size(), 25u);
  ASSERT_EQ(orders.size(), 6u);
  for (const auto& [offset, count] : offsets) EXPECT_NEAR(count, kDraws / 25.0, 5 * std::sqrt(kDraws / 25.0));
  for (const auto& [order, count] : orders) EXPECT_NEAR(count, kDraws / 6.0, 5 * std::sqrt(kDraws / 6.0)) << order;
  EXPECT_NEAR(flips, kDraws / 2.0, 5 * std::sqrt(kDraws / 4.0));
  const std::array<double, 3> width = {63.0 / 255, 0.8, 0.5};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(sum[i] / kDraws, 1, 5 * width[i] / std::sqrt(3.0 * kDraws));
    EXPECT_NEAR(least[i], 1 - width[i], 1e-3);
    EXPECT_NEAR(most[i], 1 + width[i], 1e-3);
    EXPECT_GE(least[i], 1 - width[i] - 1e-6);
    EXPECT_LE(most[i], 1 + width[i] + 1e-6);
  }
}

/// Noise images; every label is the image's index.
ImageSet noise(int64_t train, int64_t test) {
  at::manual_seed(1);
  const auto images = [](int64_t count) { return at::randint(256, {count, 3, 32, 32}, at::kLong).to(at::kByte); };
  return {"noise", images(train), images(test), at::arange(train), at::arange(test), 10};
}

class AugmentedSource : public ::testing::Test {
 protected:
  std::shared_ptr<DataSource> source(Protocol protocol, bool augmented) const {
    DataRequest request;
    request.protocol = protocol;
    ImageTransform transform = deepobs_transform("cifar10");
    if (!augmented) transform.augmentation = {};
    return image_source(set_, request, 20, transform);
  }
  static Tensor inputs(const DataSource& data, Phase phase, const std::vector<int64_t>& indices, const Random& random) {
    return data.batch(phase, indices, random).inputs.front();
  }
  const ImageSet set_ = noise(100, 50);
  const std::vector<int64_t> indices_ = {7, 3, 12, 40};
};

TEST_F(AugmentedSource, VariesTheSetsThatTheProtocolSays) {
  for (const Protocol protocol : {Protocol::deepobs, Protocol::strict})
    for (const Phase phase : {Phase::train, Phase::train_eval, Phase::valid, Phase::test}) {
      const bool varies = phase == Phase::train || (phase == Phase::train_eval && protocol == Protocol::deepobs);
      const Tensor with = inputs(*source(protocol, true), phase, indices_, Random(1));
      const Tensor without = inputs(*source(protocol, false), phase, indices_, Random(1));
      EXPECT_EQ(with.equal(without), !varies) << to_string(phase);
    }
}

TEST_F(AugmentedSource, FollowsThePositionAndNotTheCuttingIntoBatches) {
  const auto data = source(Protocol::deepobs, true);
  const Random here(5, 1, 2);
  const Tensor batch = inputs(*data, Phase::train, indices_, here);
  EXPECT_TRUE(batch.equal(inputs(*data, Phase::train, indices_, here)));
  for (const auto& other : {here.at(1, 3), here.at(2, 2), Random(6, 1, 2)})
    EXPECT_FALSE(batch.equal(inputs(*data, Phase::train, indices_, other)));
  EXPECT_FALSE(batch.equal(inputs(*data, Phase::train_eval, indices_, here)));
  EXPECT_TRUE(batch.narrow(0, 2, 2).equal(inputs(*data, Phase::train, {12, 40}, here)));
}

TEST_F(AugmentedSource, IsBytesVariedThenNormalised) {
  const Random here(5, 1, 2);
  const auto transform = deepobs_transform("cifar10");
  const Tensor batch = inputs(*source(Protocol::deepobs, true), Phase::train, indices_, here);
  const Tensor bytes = augment(set_.train_images, indices_, transform.augmentation, Phase::train, here);
  const auto per_channel = [](const std::vector<double>& values) { return at::tensor(values, at::kFloat).view({1, 3, 1, 1}); };
  EXPECT_TRUE(batch.equal(bytes.to(at::kFloat).div(255).sub(per_channel(transform.mean)).div(per_channel(transform.std))));
}

TEST_F(AugmentedSource, RefusesWhatMakesNoSense) {
  for (const Augmentation& bad : {Augmentation{-1}, Augmentation{0, false, -0.1}, Augmentation{0, false, 0, NAN}})
    EXPECT_THROW(image_source(set_, {}, 20, {{}, {}, bad}), ComputeError);
  ImageSet grey = set_;
  grey.train_images = grey.train_images.narrow(1, 0, 1).contiguous();
  EXPECT_THROW(image_source(grey, {}, 20, {{}, {}, Augmentation{0, false, 0.1}}), ComputeError);
  EXPECT_NO_THROW(image_source(grey, {}, 20, {{}, {}, Augmentation{2, true}}));
  EXPECT_THROW(inputs(*source(Protocol::deepobs, true), Phase::train, {100}, Random(1)), ComputeError);
}

TEST(DeepobsImages, HasTheSplitsAndTransformsOfEverySet) {
  DataRequest request;
  request.source = Source::synthetic;
  const std::map<std::string, std::array<std::size_t, 3>> sizes = {  // train, valid, test; a tenth of the real ones
      {"mnist", {5000, 1000, 1000}}, {"fmnist", {5000, 1000, 1000}}, {"cifar10", {4000, 1000, 1000}},
      {"cifar100", {4000, 1000, 1000}}, {"svhn", {4722, 2603, 2603}}};
  for (const auto& [name, expected] : sizes) {
    const auto data = deepobs_images(name, request);
    EXPECT_EQ(data->order(Phase::train, Random(1)).size(), expected[0]) << name;
    EXPECT_EQ(data->order(Phase::valid, Random(1)).size(), expected[1]) << name;
    EXPECT_EQ(data->order(Phase::train_eval, Random(1)).size(), expected[1]) << name;
    EXPECT_EQ(data->order(Phase::test, Random(1)).size(), expected[2]) << name;
    const ImageTransform transform = deepobs_transform(name);
    const bool colours = name != "mnist" && name != "fmnist";
    EXPECT_EQ(transform.augmentation.is_none(), !colours) << name;
    EXPECT_EQ(transform.mean.size(), colours ? 3u : 0u) << name;
    EXPECT_EQ(transform.augmentation.flip, name.rfind("cifar", 0) == 0) << name;
    EXPECT_TRUE(deepobs_transform(name, false).augmentation.is_none()) << name;
  }
}

}  // namespace
}  // namespace backobs
