// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/legacy_random.h>

#include <cmath>
#include <numeric>
#include <utility>

namespace backobs {

namespace {

constexpr std::size_t kWords = 624;
constexpr std::size_t kOffset = 397;

/// One step of the recurrence: the upper bit of `high` joined with the lower bits of `low`, times the twist matrix.
uint32_t twist(uint32_t high, uint32_t low) {
  const uint32_t joined = (high & 0x80000000u) | (low & 0x7fffffffu);
  return (joined >> 1) ^ ((joined & 1u) != 0 ? 0x9908b0dfu : 0u);
}

uint32_t mixed(uint32_t word) { return word ^ (word >> 30); }

int bit_length(uint64_t n) {
  int bits = 0;
  for (; n != 0; n >>= 1) ++bits;
  return bits;
}

}  // namespace

void MersenneTwister::seed(uint32_t value) {
  state_[0] = value;
  for (uint32_t i = 1; i < kWords; ++i) state_[i] = 1812433253u * mixed(state_[i - 1]) + i;
  position_ = kWords;
  kept_normal_.reset();
}

MersenneTwister MersenneTwister::numpy(uint32_t seed) {
  MersenneTwister generator;
  generator.seed(seed);
  return generator;
}

MersenneTwister MersenneTwister::python(uint64_t seed) {
  const std::array<uint32_t, 2> key = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  const std::size_t length = key[1] == 0 ? 1 : 2;
  MersenneTwister generator;
  generator.seed(19650218u);
  auto& state = generator.state_;
  std::size_t i = 1;
  const auto advance = [&] {
    if (++i < kWords) return;
    state[0] = state[kWords - 1];
    i = 1;
  };
  for (std::size_t k = 0; k < kWords; ++k, advance()) {
    const auto j = static_cast<uint32_t>(k % length);
    state[i] = (state[i] ^ (mixed(state[i - 1]) * 1664525u)) + key[j] + j;
  }
  for (std::size_t k = 1; k < kWords; ++k, advance())
    state[i] = (state[i] ^ (mixed(state[i - 1]) * 1566083941u)) - static_cast<uint32_t>(i);
  state[0] = 0x80000000u;
  return generator;
}

void MersenneTwister::refill() {
  for (std::size_t i = 0; i < kWords; ++i)
    state_[i] = state_[(i + kOffset) % kWords] ^ twist(state_[i], state_[(i + 1) % kWords]);
  position_ = 0;
}

uint32_t MersenneTwister::next_uint32() {
  if (position_ == kWords) refill();
  uint32_t y = state_[position_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

double MersenneTwister::next_double() {
  const uint32_t a = next_uint32() >> 5;
  const uint32_t b = next_uint32() >> 6;
  return (a * 67108864.0 + b) / 9007199254740992.0;
}

double MersenneTwister::uniform(double low, double high) { return low + (high - low) * next_double(); }

double MersenneTwister::normal(double mean, double std) {
  if (kept_normal_) return mean + std * *std::exchange(kept_normal_, std::nullopt);
  double x1, x2, r2;
  do {
    x1 = 2.0 * next_double() - 1.0;
    x2 = 2.0 * next_double() - 1.0;
    r2 = x1 * x1 + x2 * x2;
  } while (r2 >= 1.0 || r2 == 0.0);
  const double f = std::sqrt(-2.0 * std::log(r2) / r2);
  kept_normal_ = f * x1;
  return mean + std * (f * x2);
}

uint64_t MersenneTwister::below(uint64_t n) {
  if (n == 0) throw ComputeError("random number below a bound", "bound 0", "at least 1");
  const int bits = bit_length(n);
  uint64_t value;
  do {  // Python fills low words first and takes the top bits of the last one.
    value = next_uint32() >> (bits < 32 ? 32 - bits : 0);
    if (bits > 32) value |= static_cast<uint64_t>(next_uint32() >> (64 - bits)) << 32;
  } while (value >= n);
  return value;
}

std::vector<int64_t> MersenneTwister::shuffled(int64_t n) {
  std::vector<int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (auto i = static_cast<uint64_t>(n); i-- > 1;) std::swap(order[i], order[below(i + 1)]);
  return order;
}

}  // namespace backobs
