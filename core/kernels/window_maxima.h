// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace backobs {

/// A row of windows meets these pixels, one after the other: window o the pixel pixels[t][o stride], which lies at position
/// places[t] + o stride of its image. Behind the last window's, `slack(stride)` more can be
/// read, two vectors, and have no effect.
template <typename T>
struct Taps {
  const T* const* pixels;  ///< [count]
  const int32_t* places;   ///< [count]
  int64_t count, stride;

  static constexpr int64_t slack(int64_t stride) { return 32 * stride; }
};

/// Maxima of the windows of one row; a NaN wins, and the least number is where there is nothing greater.
template <typename T>
struct MaximumKernels {
  /// best[o] for o < windows.
  void (*alone)(const Taps<T>& taps, int64_t windows, T* best);
  /// And where each was read: of equal ones the first; of the least number start + firsts[o].
  void (*with_places)(const Taps<T>& taps, int64_t windows, int64_t start, const int64_t* firsts, T* best, int64_t* places);
};

}  // namespace backobs
