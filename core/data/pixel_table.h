// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>

#include <cstdint>
#include <vector>

namespace backobs {

/// Turns stored images into network inputs. A byte has 256 values, so every transform of single pixels is a table of 256
/// entries per channel, and one pass over the bytes gathers, converts, scales and normalises. The entries are computed
/// by LibTorch in the wanted dtype, hence equal those of byte.to(dtype).div(255).sub(mean).div(std) bit for bit.
class PixelTable {
 public:
  PixelTable(int64_t channels, const ImageTransform& transform, c10::ScalarType dtype);

  /// images[indices] with every byte looked up: uint8 [M, C, H, W] -> [N, C, H, W]. Throws ComputeError for an index that
  /// is no image.
  Tensor look_up(const Tensor& images, const std::vector<int64_t>& indices) const;

 private:
  Tensor table_;  ///< [C, 256]
};

}  // namespace backobs
