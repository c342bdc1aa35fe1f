// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/lanes.h"
#include "kernels/window_maxima.h"

/// The kernels of window_maxima.h: windows lie side by side in a vector.
namespace backobs {
namespace {

/// pixels[i stride] for the lanes i. A stride known when this is compiled makes it loads of whole vectors.
template <int64_t kStride, typename T>
typename Lane<T>::Vector strided(const T* pixels, int64_t any_stride) {
  using L = Lane<T>;
  if constexpr (kStride == 1) return L::load(pixels);
  if constexpr (kStride == 2) return L::evens(L::load(pixels), L::load(pixels + L::kCount));
  T picked[L::kCount];
  for (int64_t i = 0; i < L::kCount; ++i) picked[i] = pixels[i * any_stride];
  return L::load(picked);
}

template <typename T>
struct Maximum {
  using L = Lane<T>;
  static_assert(2 * L::kCount <= Taps<T>::slack(1));
  typename L::Vector best = L::all(-T(__builtin_inf()));
  typename L::Integers places = {};

  template <bool kPlaces>
  void meet(typename L::Vector pixels, typename L::Integers at) {
    const auto wins = (pixels > best) | (pixels != pixels);
    best = wins ? pixels : best;
    if constexpr (kPlaces) places = wins ? at : places;
  }
};

/// Windows from `first` on that fit into a vector.
template <bool kPlaces, int64_t kStride, typename T>
Maximum<T> meet_all(const Taps<T>& taps, int64_t first, typename Lane<T>::Integers steps) {
  Maximum<T> maximum;
  const auto start = static_cast<int32_t>(first * taps.stride);
  for (int64_t t = 0; t < taps.count; ++t)
    maximum.template meet<kPlaces>(strided<kStride>(taps.pixels[t] + start, taps.stride), steps + (taps.places[t] + start));
  return maximum;
}

template <bool kPlaces, int64_t kStride, typename T>
void pool_row(const Taps<T>& taps, int64_t windows, int64_t start, const int64_t* firsts, T* best, int64_t* places) {
  using L = Lane<T>;
  typename L::Integers steps = {};
  for (int i = 0; i < L::kCount; ++i) steps[i] = i * static_cast<int>(taps.stride);
  for (int64_t first = 0; first < windows; first += L::kCount) {
    const auto maximum = meet_all<kPlaces, kStride>(taps, first, steps);
    const auto count = windows - first < L::kCount ? windows - first : L::kCount;
    for (int64_t i = 0; i < count; ++i) best[first + i] = maximum.best[i];
    if constexpr (kPlaces)
      for (int64_t i = 0; i < count; ++i)
        places[first + i] = maximum.best[i] == -T(__builtin_inf()) ? start + firsts[first + i] : maximum.places[i];
  }
}

template <bool kPlaces, typename T>
void pool(const Taps<T>& taps, int64_t windows, int64_t start, const int64_t* firsts, T* best, int64_t* places) {
  if (taps.stride == 1) pool_row<kPlaces, 1>(taps, windows, start, firsts, best, places);
  else if (taps.stride == 2) pool_row<kPlaces, 2>(taps, windows, start, firsts, best, places);
  else pool_row<kPlaces, 0>(taps, windows, start, firsts, best, places);
}

template <typename T>
void pool_alone(const Taps<T>& taps, int64_t windows, T* best) { pool<false, T>(taps, windows, 0, nullptr, best, nullptr); }

}  // namespace
}  // namespace backobs
