// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Generator.h>

#include <cstdint>
#include <string_view>

namespace backobs {

/// What a draw is for. Draws of different purposes never share numbers.
enum class Draw : uint64_t {
  initialisation = 1,
  shuffle = 2,
  augmentation = 3,
  dropout = 4,
  noise = 5,
  monte_carlo = 6,
  probe = 7,
  synthetic_data = 8,
};

/// A position in an experiment from which every draw follows.
///
/// No generator lives longer than the tensor it fills: each draw comes from a fresh one, keyed by
/// (seed, purpose, stream, epoch, step). Hence adding or removing an extension changes no other number, a
/// repeated step repeats its draws, and a checkpoint stores no generator state.
class BACKOBS_API Random {
 public:
  Random() : Random(42) {}
  explicit Random(uint64_t seed, int64_t epoch = 0, int64_t step = 0) : seed_(seed), epoch_(epoch), step_(step) {}

  uint64_t seed() const { return seed_; }
  /// The same experiment at another position.
  Random at(int64_t epoch, int64_t step) const { return Random(seed_, epoch, step); }

  /// 64 well-mixed bits for this position, purpose and stream.
  uint64_t key(Draw purpose, uint64_t stream = 0) const;
  /// A fresh CPU generator seeded with `key`.
  at::Generator generator(Draw purpose, uint64_t stream = 0) const;
  at::Generator generator(Draw purpose, std::string_view stream) const;

 private:
  uint64_t seed_;
  int64_t epoch_, step_;
};

/// A stream number from a name (FNV-1a), for draws that belong to a node or parameter.
BACKOBS_API uint64_t stream_of(std::string_view name);

}  // namespace backobs
