// SPDX-License-Identifier: MIT
#include <backobs/random.h>

#include "data/split_mix.h"

#include <ATen/CPUGeneratorImpl.h>

namespace backobs {

namespace {

uint64_t join(uint64_t hash, uint64_t value) { return mix(hash * kGolden + mix(value + kGolden)); }

/// LibTorch's own seeding keeps 32 of the 64 bits, so that two of some ten thousand steps would likely share their
/// draws. Filling the whole state keeps all of them, and is faster.
at::mt19937 engine(uint64_t key) {
  at::mt19937 result;
  auto data = result.data();
  data.seed_ = key;
  for (std::size_t i = 0; i < data.state_.size(); i += 2) {
    const uint64_t bits = mix(key + (i / 2 + 1) * kGolden);
    data.state_[i] = static_cast<uint32_t>(bits);
    data.state_[i + 1] = static_cast<uint32_t>(bits >> 32);
  }
  data.left_ = 1;  // the first draw twists the whole state
  data.next_ = 0;
  result.set_data(data);
  return result;
}

}  // namespace

uint64_t Random::key(Draw purpose, uint64_t stream) const {
  uint64_t hash = mix(seed_ + kGolden);
  for (const uint64_t part : {static_cast<uint64_t>(purpose), stream, static_cast<uint64_t>(epoch_), static_cast<uint64_t>(step_)})
    hash = join(hash, part);
  return hash;
}

at::Generator Random::generator(Draw purpose, uint64_t stream) const {
  auto generator = at::make_generator<at::CPUGeneratorImpl>();
  generator.get<at::CPUGeneratorImpl>()->set_engine(engine(key(purpose, stream)));
  return generator;
}

at::Generator Random::generator(Draw purpose, std::string_view stream) const {
  return generator(purpose, stream_of(stream));
}

uint64_t stream_of(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace backobs
