// SPDX-License-Identifier: MIT
#include "data/pixel_table.h"

#include <backobs/error.h>

#include "data/gather.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <string>

namespace backobs {

namespace {

constexpr int64_t kBytes = 256;
/// Pixels below which waking a second thread costs more than it saves.
constexpr int64_t kPixelsPerThread = int64_t{1} << 15;

/// Shuffled images lie anywhere in some 50 MB; asking for one two ahead makes a batch about three times faster.
void prefetch(const uint8_t* bytes, int64_t count) {
  constexpr int64_t kCacheLine = 64;
  for (int64_t i = 0; i < count; i += kCacheLine) __builtin_prefetch(bytes + i);
}

/// Value is an unsigned integer of the dtype's size: only bit patterns are copied.
template <typename Value>
void copy_looked_up(const Tensor& images, const std::vector<int64_t>& indices, const Tensor& table, Tensor& out) {
  const int64_t channels = images.size(1), plane = images.size(2) * images.size(3), pixels = channels * plane;
  const auto* bytes = images.data_ptr<uint8_t>();
  const auto* values = static_cast<const Value*>(table.data_ptr());
  auto* result = static_cast<Value*>(out.data_ptr());
  const auto image = [&](int64_t n) { return bytes + indices[static_cast<std::size_t>(n)] * pixels; };
  const auto copy = [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      if (n + 2 < end) prefetch(image(n + 2), pixels);
      for (int64_t c = 0; c < channels; ++c) {
        const uint8_t* from = image(n) + c * plane;
        Value* to = result + n * pixels + c * plane;
        const Value* row = values + c * kBytes;
        for (int64_t i = 0; i < plane; ++i) to[i] = row[from[i]];
      }
    }
  };
  at::parallel_for(0, out.size(0), std::max<int64_t>(1, kPixelsPerThread / pixels), copy);
}

Tensor column(const std::vector<double>& values, int64_t channels, c10::ScalarType dtype) {
  return at::tensor(values, at::kDouble).view({channels, 1}).to(dtype);
}

}  // namespace

PixelTable::PixelTable(int64_t channels, const ImageTransform& transform, c10::ScalarType dtype) {
  table_ = at::arange(kBytes, at::kDouble).to(dtype).div_(255).expand({channels, kBytes}).contiguous();
  if (!transform.mean.empty()) table_.sub_(column(transform.mean, channels, dtype));
  if (!transform.std.empty()) table_.div_(column(transform.std, channels, dtype));
}

Tensor PixelTable::look_up(const Tensor& images, const std::vector<int64_t>& indices) const {
  check_range(indices, images.size(0));
  auto shape = images.sizes().vec();
  shape[0] = static_cast<int64_t>(indices.size());
  Tensor out = at::empty(shape, table_.options());
  switch (table_.element_size()) {
    case 2: copy_looked_up<uint16_t>(images, indices, table_, out); break;
    case 4: copy_looked_up<uint32_t>(images, indices, table_, out); break;
    case 8: copy_looked_up<uint64_t>(images, indices, table_, out); break;
    default: throw ComputeError("image batch", c10::toString(table_.scalar_type()), "a floating-point type");
  }
  return out;
}

}  // namespace backobs
