// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace backobs {

/// The Mersenne Twister MT19937 as Python and numpy use it, bit for bit, for data that are defined by their draws.
/// Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998.
class BACKOBS_API MersenneTwister {
 public:
  /// numpy.random.RandomState(seed): the classic single-integer initialisation.
  static MersenneTwister numpy(uint32_t seed);
  /// Python's random.seed(seed) of a non-negative integer: initialisation by the array of its 32-bit words.
  static MersenneTwister python(uint64_t seed);

  uint32_t next_uint32();
  /// 53-bit uniform in [0, 1), as both libraries make it: (a 2^26 + b) / 2^53.
  double next_double();
  /// numpy's legacy uniform(low, high).
  double uniform(double low, double high);
  /// numpy's legacy normal(mean, std): polar Box-Muller; the second value is kept for the next call.
  double normal(double mean = 0, double std = 1);
  /// Python's randrange(n).
  uint64_t below(uint64_t n);
  /// Python's random.shuffle of 0 … n-1.
  std::vector<int64_t> shuffled(int64_t n);

 private:
  MersenneTwister() = default;
  void seed(uint32_t value);
  void refill();
  std::array<uint32_t, 624> state_{};
  std::size_t position_ = 624;
  std::optional<double> kept_normal_;
};

}  // namespace backobs
