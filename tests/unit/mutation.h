// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/error.h>

#include "unit/temporary_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace backobs::testing {

/// `sound` with some bytes changed, and sometimes a piece cut out, put in twice or cut off. Changes are taken from the
/// first `region` bytes, where formats keep their sizes.
inline Bytes mutated(const Bytes& sound, std::mt19937& generator, std::size_t region) {
  Bytes bytes = sound;
  const auto place = [&] { return generator() % std::max<std::size_t>(1, std::min(bytes.size(), region)); };
  for (unsigned flips = generator() % 4 + 1; flips > 0 && !bytes.empty(); --flips) {
    const std::array<uint8_t, 4> favourites = {0, 0xff, 0x7f, 0x80};
    bytes[place()] = generator() % 2 ? static_cast<uint8_t>(generator()) : favourites[generator() % 4];
  }
  const auto piece = [&] {
    const std::size_t begin = place(), end = std::min(bytes.size(), begin + generator() % 16);
    return std::pair(bytes.begin() + static_cast<std::ptrdiff_t>(begin), bytes.begin() + static_cast<std::ptrdiff_t>(end));
  };
  switch (generator() % 8) {
    case 0: bytes.resize(generator() % (bytes.size() + 1)); break;
    case 1: {
      const auto [begin, end] = piece();
      bytes.erase(begin, end);
      break;
    }
    case 2: {
      const auto [begin, end] = piece();
      const Bytes copy(begin, end);
      bytes.insert(begin, copy.begin(), copy.end());
      break;
    }
    default: break;
  }
  return bytes;
}

/// Any bytes at all give a result or a DataError; `read` throws whatever else it finds wrong. Both must happen: otherwise
/// the mutations are not near the format.
template <typename Read>
void expect_survival(const Bytes& sound, unsigned seed, int rounds, std::size_t region, Read read) {
  ASSERT_NO_THROW(read(sound));
  std::mt19937 generator(seed);
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    const Bytes bytes = mutated(sound, generator, region);
    try {
      read(bytes);
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, rounds / 50) << "seed " << seed;
  EXPECT_LT(refused, rounds) << "seed " << seed;
}

}  // namespace backobs::testing
