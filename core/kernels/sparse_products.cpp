// SPDX-License-Identifier: MIT
#include "kernels/sparse_products.h"

#include "kernels/instruction_sets.h"
#include "kernels/line_picks.h"
#include "kernels/over_samples.h"
#include "kernels/product_consumers.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>

namespace backobs::sparse {
namespace {

/// Positions whose picks are held at once.
constexpr int64_t kPositions = 64;
/// The same share as kSparse for one column alone, which has less to do with each row that is read.
constexpr double kSparseAlone = 0.35;
constexpr int64_t kAlone = 3;

/// [V, n, S, G, C] -> [V, n, G C, S] with positions fastest in memory, where convolutions have them anyway.
Tensor features_first(const Tensor& z) { return z.permute({0, 1, 3, 4, 2}).flatten(2, 3).contiguous(); }

/// Of a contiguous value with K last: its entries in the order of the windows' runs.
Tensor in_runs(const Tensor& value, const std::vector<int64_t>& order) {
  if (!value.defined()) return value;
  const auto result = at::empty_like(value);
  AT_DISPATCH_FLOATING_TYPES(value.scalar_type(), "order of runs", [&] {
    const auto* from = value.data_ptr<scalar_t>();
    auto* to = result.data_ptr<scalar_t>();
    for (auto left = value.numel(); left > 0; left -= static_cast<int64_t>(order.size()), from += order.size())
      for (const auto k : order) *to++ = from[k];
  });
  return result;
}

/// Adds a value in the order of the runs to one in row-major order.
void add_from_runs(const Tensor& sum, const Tensor& value, const std::vector<int64_t>& order) {
  AT_DISPATCH_FLOATING_TYPES(value.scalar_type(), "order of runs", [&] {
    const auto* from = value.data_ptr<scalar_t>();
    auto* to = sum.data_ptr<scalar_t>();
    for (auto left = value.numel(); left > 0; left -= static_cast<int64_t>(order.size()), to += order.size())
      for (const auto k : order) to[k] += *from++;
  });
}

/// Hands the picked windows of sample n and a group to one of the row kernels, run by run.
template <typename T, typename Kernel>
void over_runs(const WindowedInput& x, int64_t n, int64_t group, const Picks<T>& picks, Kernel kernel, T* to, int64_t stride) {
  const auto& windows = x.windows;
  const T* const image = x.laid_out.data_ptr<T>() + n * windows.entries_per_image() + group * windows.length;
  for (const auto run : windows.runs) {
    kernel(picks, image + run, windows.length, to, stride);
    to += windows.length;
  }
}

/// The products of samples one line (g, c) after the other, entries in the order of the windows' runs.
template <typename T>
class LineProducts {
 public:
  LineProducts(const Tensor& z, const Tensor& signs, const WindowedInput& x, const affine::Products& products)
      : z_(z), windows_(x.windows), x_(x), products_(products), lines_(z.size(2)),
        entries_(windows_.entries_per_window()), consumers_(products, signs, lines_, entries_),
        rows_(static_cast<std::size_t>(std::min(kColumns, z.size(0)) * entries_)) {}

  void form(int64_t n) {
    for (int64_t line = 0; line < lines_; ++line) {
      for (int64_t v = 0; v < z_.size(0); v += kColumns) form(n, line, v, std::min(kColumns, z_.size(0) - v));
      if (products_.sample_squares.defined()) put_in_order(products_.sample_squares.data_ptr<T>() + (n * lines_ + line) * entries_);
    }
  }

 private:
  void form(int64_t n, int64_t line, int64_t v, int64_t columns) {
    const auto samples = z_.size(1), positions = z_.size(3), stride = samples * lines_ * positions;
    const auto picks = picks_.of(z_.data_ptr<T>() + v * stride + (n * lines_ + line) * positions, stride, columns, windows_.positions);
    const auto group = line / (lines_ / windows_.groups);
    over_runs(x_, n, group, picks, best_kernels<T>().rows.set, rows_.data(), entries_);
    for (int64_t i = 0; i < columns; ++i) take(rows_.data() + i * entries_, v + i, n, line);
  }

  void take(const T* row, int64_t v, int64_t n, int64_t line) {
    consumers_.take(row, v, n, line);
    if (!products_.columns.defined()) return;
    T* const to = products_.columns.data_ptr<T>() + ((v * z_.size(1) + n) * lines_ + line) * entries_;
    const T* const addend = products_.addend.defined() ? products_.addend.data_ptr<T>() + line * entries_ : nullptr;
    const auto& order = windows_.order();
    for (int64_t k = 0; k < entries_; ++k) to[order[static_cast<std::size_t>(k)]] = addend ? row[k] + addend[k] : row[k];
  }

  void put_in_order(T* row) {
    std::copy_n(row, entries_, rows_.data());
    for (int64_t k = 0; k < entries_; ++k) row[windows_.order()[static_cast<std::size_t>(k)]] = rows_[static_cast<std::size_t>(k)];
  }

  const Tensor& z_;
  const WindowLayout& windows_;
  const WindowedInput& x_;
  const affine::Products& products_;
  const int64_t lines_, entries_;
  const affine::Consumers<T> consumers_;
  LinePicks<T> picks_;
  std::vector<T> rows_;
};

/// Adds the products of one column of samples [first, last) to sums [G C, K], entries in the order of the windows' runs.
template <typename T>
void add_up(const Tensor& lines, const WindowedInput& x, T* sums, int64_t first, int64_t last) {
  const auto& windows = x.windows;
  const auto count = lines.size(2), positions = lines.size(3), per_group = count / windows.groups;
  LinePicks<T> buffer;
  for (auto n = first; n < last; ++n)
    for (int64_t line = 0; line < count; ++line) {
      const auto picks = buffer.of(lines.data_ptr<T>() + (n * count + line) * positions, 0, 1, windows.positions);
      over_runs(x, n, line / per_group, picks, best_kernels<T>().rows.add, sums + line * windows.entries_per_window(), 0);
    }
}

/// The picks of a few positions: features that are nonzero there in some column.
template <typename T>
class PositionPicks {
 public:
  explicit PositionPicks(int64_t features) : features_(features), counts_(kPositions), rows_(static_cast<std::size_t>(kPositions * features)),
        factors_(static_cast<std::size_t>(kPositions * features * kColumns)) {}

  /// Of `positions` of the lines of all features, feature c at z + c * line; row c of the table begins at c * length.
  void fill(const T* z, int64_t line, int64_t stride, int64_t columns, int64_t positions, int64_t length) {
    columns_ = columns;
    std::fill(counts_.begin(), counts_.end(), 0);
    Bits<T> any[kPositions];
    for (int64_t c = 0; c < features_; ++c, z += line) {
      mark(z, stride, columns, positions, any);
      for (int64_t s = 0; s < positions; ++s) {
        if (!any[s]) continue;
        const auto i = s * features_ + counts_[static_cast<std::size_t>(s)]++;
        rows_[static_cast<std::size_t>(i)] = static_cast<int32_t>(c * length);
        T* const to = factors_.data() + i * columns;
        for (int64_t v = 0; v < columns; ++v) to[v] = z[v * stride + s];
      }
    }
  }
  Picks<T> at(int64_t s) const {
    return {factors_.data() + s * features_ * columns_, rows_.data() + s * features_, counts_[static_cast<std::size_t>(s)], columns_};
  }

 private:
  int64_t features_, columns_ = 0;
  std::vector<int64_t> counts_;
  std::vector<int32_t> rows_;
  std::vector<T> factors_;
};

/// Images of one sample and some columns, from z in [V, n, G C, S].
template <typename T>
class TransposedConvolution {
 public:
  TransposedConvolution(const Tensor& z, const Tensor& tables, const WindowLayout& windows)
      : z_(z), tables_(tables.data_ptr<T>()), windows_(windows), features_(z.size(2) / windows.groups), picks_(features_),
        images_(static_cast<std::size_t>(kColumns * windows.entries_per_image())) {}

  void form(int64_t n, int64_t v, int64_t columns, const Tensor& result) {
    const auto positions = z_.size(3), stride = z_.size(1) * z_.size(2) * positions, entries = windows_.entries_per_image();
    std::fill_n(images_.begin(), columns * entries, T(0));
    for (int64_t g = 0; g < windows_.groups; ++g)
      for (int64_t s = 0; s < positions; s += kPositions) {
        const auto count = std::min(kPositions, positions - s);
        const T* const z = z_.data_ptr<T>() + v * stride + (n * z_.size(2) + g * features_) * positions + s;
        picks_.fill(z, positions, stride, columns, count, windows_.length);
        for (int64_t i = 0; i < count; ++i) add(g, picks_.at(i), windows_.positions[static_cast<std::size_t>(s + i)]);
      }
    const auto image = result[0][0].numel();
    for (int64_t i = 0; i < columns; ++i)
      windows_.take_out(images_.data() + i * entries, result.data_ptr<T>() + ((v + i) * z_.size(1) + n) * image);
  }

 private:
  void add(int64_t g, const Picks<T>& picks, int64_t position) {
    const auto runs = static_cast<int64_t>(windows_.runs.size());
    for (int64_t r = 0; r < runs; ++r)
      best_kernels<T>().rows.add(picks, tables_ + (g * runs + r) * features_ * windows_.length, windows_.length,
                           images_.data() + position + windows_.runs[static_cast<std::size_t>(r)] + g * windows_.length,
                           windows_.entries_per_image());
  }

  const Tensor& z_;
  const T* const tables_;
  const WindowLayout& windows_;
  const int64_t features_;
  PositionPicks<T> picks_;
  std::vector<T> images_;
};

}  // namespace

bool is_sparse(const Tensor& z) {
  if (!z.device().is_cpu() || z.numel() == 0 || (z.scalar_type() != at::kFloat && z.scalar_type() != at::kDouble)) return false;
  // Whatever the order of a sample's features in memory, they lie together.
  const auto lines = z.select(0, 0).select(0, 0).is_non_overlapping_and_dense() ? z : z.contiguous();
  const auto columns = z.size(0), samples = z.size(1), looked_at = std::min<int64_t>(samples, 4);
  const auto features = z.numel() / (columns * samples);
  int64_t nonzero = 0;
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "sparse", [&] {
    std::vector<Bits<scalar_t>> any(static_cast<std::size_t>(features));
    for (int64_t i = 0; i < looked_at; ++i) {
      mark(lines.data_ptr<scalar_t>() + samples * i / looked_at * lines.stride(1), lines.stride(0), columns, features, any.data());
      nonzero += features - std::count(any.begin(), any.end(), Bits<scalar_t>{0});
    }
  });
  const double share = static_cast<double>(nonzero) / static_cast<double>(looked_at * features);
  return share < (columns < kAlone ? kSparseAlone : kSparse);
}

void form(const Tensor& z, const Tensor& signs, const WindowedInput& x, const affine::Products& products) {
  const auto lines = features_first(z);
  const auto row_major_signs = signs.defined() ? signs.contiguous() : signs;
  const auto chunks = chunks_of(z.size(1));
  const auto& order = x.windows.order();
  auto ordered = products;  // what is read and what is summed, in the order of the runs
  ordered.addend = in_runs(products.addend, order);
  ordered.shift = in_runs(products.shift, order);
  for (const auto sum : affine::Parts::kSums)
    if ((products.*sum).defined()) ordered.*sum = at::zeros_like(products.*sum);
  affine::Parts parts(ordered, chunks);
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "sparse products", [&] {
    over_samples(z.size(1), [&](int64_t chunk, int64_t first, int64_t last) {
      LineProducts<scalar_t> one(lines, row_major_signs, x, parts[chunk]);
      for (auto n = first; n < last; ++n) one.form(n);
    }, chunks);
  });
  parts.add_up();
  for (const auto sum : affine::Parts::kSums)
    if ((products.*sum).defined()) add_from_runs(products.*sum, ordered.*sum, order);
}

Tensor sum(const Tensor& z, const WindowedInput& x) {
  const auto lines = features_first(z.size(0) == 1 ? z : z.sum(0, true));
  const auto chunks = chunks_of(z.size(1)), entries = x.windows.entries_per_window();
  auto parts = at::zeros({chunks, z.size(3), z.size(4), entries}, z.options());
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "sparse sum", [&] {
    over_samples(z.size(1), [&](int64_t chunk, int64_t first, int64_t last) {
      add_up(lines, x, parts.data_ptr<scalar_t>() + chunk * lines.size(2) * entries, first, last);
    }, chunks);
  });
  const auto result = at::zeros({z.size(3), z.size(4), entries}, z.options());
  add_from_runs(result, chunks == 1 ? parts : parts.sum(0), x.windows.order());
  return result;
}

Tensor transposed_convolution(const Tensor& z, const Tensor& weight, const WindowLayout& windows, at::IntArrayRef image) {
  const auto lines = features_first(z), tables = windows.tables(weight);
  auto shape = image.vec();
  shape.insert(shape.begin(), {z.size(0), z.size(1), windows.channels});
  const auto result = at::empty(shape, z.options());
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "sparse transposed convolution", [&] {
    over_samples(z.size(1), [&](int64_t, int64_t first, int64_t last) {
      TransposedConvolution<scalar_t> one(lines, tables, windows);
      for (auto n = first; n < last; ++n)
        for (int64_t v = 0; v < z.size(0); v += kColumns) one.form(n, v, std::min(kColumns, z.size(0) - v), result);
    }, chunks_of(z.size(1)));
  });
  return result;
}

}  // namespace backobs::sparse
