// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/sparse_rows.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

/// What is not zero in a line of a signal.
namespace backobs::sparse {

/// Columns that go together: their factors and sums stay in the cache.
constexpr int64_t kColumns = 10;
/// The share of nonzero entries below which picked rows win.
constexpr double kSparse = 0.6;

/// Wide enough for the bits of a number.
template <typename T>
using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

/// Without the sign: zero if the number is.
template <typename T>
Bits<T> bits_of(T value) {
  Bits<T> bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits << 1;
}

/// any[i] = bits of entry i of the line in all `columns`, without the sign: zero if it is zero in each.
template <typename T>
void mark(const T* line, int64_t stride, int64_t columns, int64_t length, Bits<T>* any) {
  std::fill_n(any, length, Bits<T>{0});
  for (int64_t v = 0; v < columns; ++v, line += stride)
    for (int64_t i = 0; i < length; ++i) any[i] |= bits_of(line[i]);
}

/// to[i][v] = line[v][index[i]] for `count` indices and all columns.
template <typename T>
void gather(const T* line, int64_t stride, int64_t columns, const int32_t* index, int64_t count, T* to) {
  for (int64_t v = 0; v < columns; ++v, line += stride)
    for (int64_t i = 0; i < count; ++i) to[i * columns + v] = line[index[i]];
}

/// The picks of one line. Rows of the table belong to the entries of the line.
template <typename T>
class LinePicks {
 public:
  /// Row i of the table begins at rows[i]; the picks are valid until the next call.
  Picks<T> of(const T* line, int64_t stride, int64_t columns, const std::vector<int32_t>& rows) {
    const auto length = static_cast<int64_t>(rows.size());
    any_.resize(rows.size());
    index_.resize(rows.size());
    picked_.resize(rows.size());
    factors_.resize(static_cast<std::size_t>(length * columns));
    mark(line, stride, columns, length, any_.data());
    int64_t count = 0;
    for (int64_t i = 0; i < length; ++i) {  // without a branch, which would be mispredicted all the time
      index_[static_cast<std::size_t>(count)] = static_cast<int32_t>(i);
      picked_[static_cast<std::size_t>(count)] = rows[static_cast<std::size_t>(i)];
      count += any_[static_cast<std::size_t>(i)] != 0;
    }
    gather(line, stride, columns, index_.data(), count, factors_.data());
    return {factors_.data(), picked_.data(), count, columns};
  }

 private:
  std::vector<Bits<T>> any_;
  std::vector<T> factors_;
  std::vector<int32_t> index_, picked_;
};

}  // namespace backobs::sparse
