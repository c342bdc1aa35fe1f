// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace backobs {

/// Bytes of one image of 3 channels x 32 rows x 32 columns.
constexpr uint64_t kColourPixels = 3 * 32 * 32;

/// Colour images of 32 x 32 with their classes, as all readers of such files give them: image n is
/// pixels[n * kColourPixels ...], channel x row x column, and has the class labels[n].
struct LabelledImages {
  std::vector<uint8_t> pixels, labels;
};

}  // namespace backobs
