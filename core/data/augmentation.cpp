// SPDX-License-Identifier: MIT
#include "data/augmentation.h"

#include <backobs/error.h>

#include "data/gather.h"
#include "data/split_mix.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

namespace backobs {

namespace {

constexpr int64_t kImagesPerThread = 32;
constexpr int64_t kPhases = 4;

/// What Pillow's blend does for one value: from + f (to - from) in single precision, clipped, rounded down.
uint8_t blend(int from, int to, float f) {
  const float value = static_cast<float>(from) + f * static_cast<float>(to - from);
  return static_cast<uint8_t>(static_cast<int>(std::min(std::max(value, 0.0f), 255.0f)));
}

/// Pillow's grey value: 0.299 R + 0.587 G + 0.114 B in units of 2^-16, rounded.
uint8_t luma(int red, int green, int blue) {
  return static_cast<uint8_t>((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16);
}

/// Every value moves away from, or towards, the same one: a table of 256 entries.
void blend_with(int from, float f, uint8_t* bytes, int64_t count) {
  std::array<uint8_t, 256> table;
  for (int value = 0; value < 256; ++value) table[static_cast<std::size_t>(value)] = blend(from, value, f);
  for (int64_t i = 0; i < count; ++i) bytes[i] = table[bytes[i]];
}

int mean_luma(const uint8_t* bytes, int64_t plane) {
  int64_t sum = 0;
  for (int64_t i = 0; i < plane; ++i) sum += luma(bytes[i], bytes[plane + i], bytes[2 * plane + i]);
  return static_cast<int>(static_cast<double>(sum) / static_cast<double>(plane) + 0.5);
}

void saturate(float f, uint8_t* bytes, int64_t plane) {
  uint8_t *red = bytes, *green = bytes + plane, *blue = bytes + 2 * plane;
  for (int64_t i = 0; i < plane; ++i) {
    const int grey = luma(red[i], green[i], blue[i]);
    red[i] = blend(grey, red[i], f);
    green[i] = blend(grey, green[i], f);
    blue[i] = blend(grey, blue[i], f);
  }
}

void jitter(Jitter kind, float f, uint8_t* bytes, int64_t plane) {
  if (f == 1) return;
  if (kind == Jitter::brightness) blend_with(0, f, bytes, 3 * plane);
  else if (kind == Jitter::contrast) blend_with(mean_luma(bytes, plane), f, bytes, 3 * plane);
  else saturate(f, bytes, plane);
}

/// One row of the padded image, `shift` pixels further left.
void cut_row(const uint8_t* from, int64_t columns, int64_t shift, uint8_t* to) {
  const int64_t begin = std::max<int64_t>(0, -shift), end = std::min(columns, columns - shift);
  std::fill(to, to + columns, uint8_t{0});
  if (begin < end) std::copy(from + begin + shift, from + end + shift, to + begin);
}

void cut(const Variation& variation, int64_t padding, int64_t rows, int64_t columns, const uint8_t* image, uint8_t* out) {
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t source = r + variation.row - padding;
    uint8_t* row = out + r * columns;
    if (source < 0 || source >= rows) std::fill(row, row + columns, uint8_t{0});
    else cut_row(image + source * columns, columns, variation.column - padding, row);
    if (variation.flip) std::reverse(row, row + columns);
  }
}

}  // namespace

void check_augmentation(const Augmentation& augmentation, const std::string& set, int64_t channels) {
  const std::string where = "augmentation of data set `" + set + "`";
  if (augmentation.padding < 0) throw ComputeError(where, "padding " + std::to_string(augmentation.padding), "at least 0");
  for (const double amount : {augmentation.brightness, augmentation.contrast, augmentation.saturation}) {
    if (!std::isfinite(amount) || amount < 0)
      throw ComputeError(where, "colour jitter of " + std::to_string(amount), "a number of at least 0");
    if (amount > 0 && channels != 3)
      throw ComputeError(where, "colour jitter on " + std::to_string(channels) + " channels", "red, green and blue");
  }
}

Variation draw_variation(const Augmentation& augmentation, uint64_t key) {
  SplitMix random(key);
  Variation variation;
  variation.row = random.below(2 * augmentation.padding + 1);
  variation.column = random.below(2 * augmentation.padding + 1);
  variation.flip = random.below(2) == 1 && augmentation.flip;
  const std::array<double, 3> amounts = {augmentation.brightness, augmentation.contrast, augmentation.saturation};
  for (std::size_t i = 0; i < amounts.size(); ++i)
    variation.factor[i] = static_cast<float>(random.uniform(std::max(0.0, 1 - amounts[i]), 1 + amounts[i]));
  std::swap(variation.order[0], variation.order[static_cast<std::size_t>(random.below(3))]);
  std::swap(variation.order[1], variation.order[static_cast<std::size_t>(1 + random.below(2))]);
  return variation;
}

void vary(const Variation& variation, int64_t padding, const std::array<int64_t, 3>& shape, const uint8_t* image,
          uint8_t* out) {
  const auto [channels, rows, columns] = shape;
  for (int64_t c = 0; c < channels; ++c)
    cut(variation, padding, rows, columns, image + c * rows * columns, out + c * rows * columns);
  for (const Jitter kind : variation.order) jitter(kind, variation.factor[static_cast<std::size_t>(kind)], out, rows * columns);
}

Tensor augment(const Tensor& images, const std::vector<int64_t>& indices, const Augmentation& augmentation, Phase phase,
               const Random& random) {
  check_range(indices, images.size(0));
  const std::array<int64_t, 3> shape = {images.size(1), images.size(2), images.size(3)};
  const int64_t pixels = shape[0] * shape[1] * shape[2], size = static_cast<int64_t>(indices.size());
  Tensor out = at::empty({size, shape[0], shape[1], shape[2]}, at::kByte);
  const auto* from = images.data_ptr<uint8_t>();
  auto* to = out.data_ptr<uint8_t>();
  at::parallel_for(0, size, kImagesPerThread, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const int64_t index = indices[static_cast<std::size_t>(n)];
      const auto stream = static_cast<uint64_t>(index * kPhases + static_cast<int64_t>(phase));
      const Variation variation = draw_variation(augmentation, random.key(Draw::augmentation, stream));
      vary(variation, augmentation.padding, shape, from + index * pixels, to + n * pixels);
    }
  });
  return out;
}

}  // namespace backobs
