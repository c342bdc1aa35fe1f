// SPDX-License-Identifier: MIT
#include "data/synthetic.h"

#include <backobs/random.h>

#include <ATen/ATen.h>

#include <string>
#include <utility>

namespace backobs {

namespace {

constexpr uint64_t kSeed = 20190506;  // fixed: the data must not change with an experiment's seed
constexpr int64_t kCell = 4;          // pixels that share a value of the class pattern
constexpr int64_t kPattern = 96, kNoise = 160;  // pattern + noise stays within a byte

Tensor integers(int64_t below, at::IntArrayRef shape, const std::string& stream) {
  return at::randint(below, shape, Random(kSeed).generator(Draw::synthetic_data, stream), at::kLong);
}

/// [classes, C, H, W], constant on cells of kCell x kCell pixels.
Tensor patterns(const DataSet& set) {
  const auto [channels, rows, columns] = set.image_shape;
  const Tensor coarse = integers(kPattern, {set.classes, channels, (rows + kCell - 1) / kCell, (columns + kCell - 1) / kCell},
                                 set.name + "/patterns");
  const Tensor fine = coarse.repeat_interleave(kCell, 2).repeat_interleave(kCell, 3);
  return fine.narrow(2, 0, rows).narrow(3, 0, columns).to(at::kByte);
}

std::pair<Tensor, Tensor> draw(const DataSet& set, const Tensor& pattern, int64_t samples, const std::string& part) {
  const Tensor labels = integers(set.classes, {samples}, set.name + "/" + part + "/labels");
  const Tensor images = pattern.index_select(0, labels);
  images.add_(integers(kNoise, images.sizes(), set.name + "/" + part + "/noise").to(at::kByte));
  return {images, labels};
}

}  // namespace

ImageSet synthetic_images(const DataSet& set) {
  const Tensor pattern = patterns(set);
  ImageSet result;
  result.name = set.name;
  result.classes = set.classes;
  std::tie(result.train_images, result.train_labels) = draw(set, pattern, set.train_images / kSyntheticShrink, "train");
  std::tie(result.test_images, result.test_labels) = draw(set, pattern, set.test_images / kSyntheticShrink, "test");
  return result;
}

}  // namespace backobs
