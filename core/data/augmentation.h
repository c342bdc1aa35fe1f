// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace backobs {

enum class Jitter : uint8_t { brightness, contrast, saturation };

/// What one image drew: where the padded image is cut, whether it is mirrored, the three factors and their order.
struct Variation {
  int64_t row = 0, column = 0;
  bool flip = false;
  std::array<float, 3> factor = {1, 1, 1};  ///< by Jitter; 1 changes nothing
  std::array<Jitter, 3> order = {Jitter::brightness, Jitter::contrast, Jitter::saturation};
};

/// Throws ComputeError for what makes no sense: a negative size, a jitter without bounds or without colours.
void check_augmentation(const Augmentation& augmentation, const std::string& set, int64_t channels);

/// The numbers that follow from this key: row and column in 0 ... 2 padding, each factor in [max(0, 1 - x), 1 + x].
BACKOBS_API Variation draw_variation(const Augmentation& augmentation, uint64_t key);

/// One image of bytes, shape {channels, rows, columns}, varied into `out` of the same shape.
BACKOBS_API void vary(const Variation& variation, int64_t padding, const std::array<int64_t, 3>& shape,
                      const uint8_t* image, uint8_t* out);

/// images[indices], varied: uint8 [M, C, H, W] -> [N, C, H, W]. Throws ComputeError for an index that is no image.
BACKOBS_API Tensor augment(const Tensor& images, const std::vector<int64_t>& indices, const Augmentation& augmentation, Phase phase,
               const Random& random);

}  // namespace backobs
