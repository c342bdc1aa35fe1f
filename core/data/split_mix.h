// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace backobs {

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

/// The output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): every input bit reaches every output bit.
inline uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// SplitMix64: a generator of one word, for a handful of draws per key.
class SplitMix {
 public:
  explicit SplitMix(uint64_t key) : state_(key) {}

  uint64_t next() { return mix(state_ += kGolden); }
  /// 0 to n - 1, n below 2^32.
  int64_t below(int64_t n) { return static_cast<int64_t>((next() >> 32) * static_cast<uint64_t>(n) >> 32); }
  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * 0x1p-53 * static_cast<double>(next() >> 11); }

 private:
  uint64_t state_;
};

}  // namespace backobs
