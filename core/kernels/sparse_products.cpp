// SPDX-License-Identifier: MIT
#include "kernels/sparse_products.h"

#include "kernels/over_samples.h"
#include "kernels/product_consumers.h"
#include "kernels/row_kernels.h"
#include "kernels/symmetric_product.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace backobs::sparse {
namespace {

/// Columns that go together: their factors and sums stay in the cache.
constexpr int64_t kColumns = 10;
/// Positions whose picks are held at once.
constexpr int64_t kPositions = 64;
/// Entries of a table that stay in the cache while samples pass.
constexpr int64_t kTable = 65536;
/// Shares of nonzero entries below which picked rows win; one column alone has less to do with each row that is read.
constexpr double kSparse = 0.6, kSparseAlone = 0.35;
constexpr int64_t kAlone = 3;

/// The bits of a number; shifted left by its sign, they are zero if it is.
template <typename T>
using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

/// any[i] = bits of entry i of the line in all `columns`, without the sign: zero if it is zero in each.
template <typename T>
void mark(const T* line, int64_t stride, int64_t columns, int64_t length, Bits<T>* any) {
  std::fill_n(any, length, Bits<T>{0});
  for (int64_t v = 0; v < columns; ++v, line += stride)
    for (int64_t i = 0; i < length; ++i) {
      Bits<T> bits;
      std::memcpy(&bits, line + i, sizeof bits);
      any[i] |= bits << 1;
    }
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

/// The products of samples one line (g, c) after the other, entries in the order of the windows' runs.
template <typename T>
class LineProducts {
 public:
  LineProducts(const Tensor& z, const Tensor& signs, const WindowedInput& x, const affine::Products& products)
      : z_(z), windows_(x.windows), x_(x.laid_out.data_ptr<T>()), products_(products), lines_(z.size(2)),
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
    const T* const image = x_ + n * windows_.entries_per_image() + group * windows_.length;
    for (std::size_t r = 0; r < windows_.runs.size(); ++r)
      row_kernels<T>().set(picks, image + windows_.runs[r], windows_.length,
                           rows_.data() + static_cast<int64_t>(r) * windows_.length, entries_);
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
  const T* const x_;
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
      const T* const image = x.laid_out.data_ptr<T>() + n * windows.entries_per_image() + line / per_group * windows.length;
      T* to = sums + line * windows.entries_per_window();
      for (const auto run : windows.runs) {
        row_kernels<T>().add(picks, image + run, windows.length, to, 0);
        to += windows.length;
      }
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
      row_kernels<T>().add(picks, tables_ + (g * runs + r) * features_ * windows_.length, windows_.length,
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

/// w [C, K] in panels [C, width] that stay in the cache, zeros behind the last columns.
Tensor panels_of(const Tensor& w, int64_t width) {
  const auto count = (w.size(1) + width - 1) / width;
  auto panels = at::zeros({count * w.size(0) * width + kSlack}, w.options());
  auto shaped = panels.narrow(0, 0, count * w.size(0) * width).view({count, w.size(0), width});
  for (int64_t p = 0; p < count; ++p) {
    const auto part = w.narrow(1, p * width, std::min(width, w.size(1) - p * width));
    shaped[p].narrow(1, 0, part.size(1)).copy_(part);
  }
  return panels;
}

/// Where entry 0 of each line and column goes.
template <typename T>
struct Target {
  T* data;
  int64_t line, column;
};

/// One panel [features, width] after the other, for all lines that `reach` it.
template <typename T, typename Reaches>
void multiply(const std::vector<Picks<T>>& picks, const T* panels, int64_t panel, int64_t width, int64_t entries, const Target<T>& to,
              const Reaches& reaches) {
  for (int64_t at = 0; at < entries; at += width, panels += panel)
    for (std::size_t i = 0; i < picks.size(); ++i)
      if (const auto line = static_cast<int64_t>(i); reaches(line, at))
        row_kernels<T>().set(picks[i], panels, std::min(width, entries - at), to.data + line * to.line + at, to.column);
}

/// Samples [first, last) of the product, all columns.
template <typename T>
void multiply_samples(const Tensor& z, const Tensor& panels, int64_t width, const Tensor& result, int64_t first, int64_t last) {
  const auto samples = z.size(1), features = z.size(2), entries = result.size(2);
  std::vector<int32_t> rows(static_cast<std::size_t>(features));
  for (int64_t c = 0; c < features; ++c) rows[static_cast<std::size_t>(c)] = static_cast<int32_t>(c * width);
  std::vector<LinePicks<T>> lines(static_cast<std::size_t>(last - first));
  std::vector<Picks<T>> picks(lines.size());
  for (int64_t v = 0; v < z.size(0); v += kColumns) {
    const auto columns = std::min(kColumns, z.size(0) - v);
    for (std::size_t i = 0; i < lines.size(); ++i)
      picks[i] = lines[i].of(z.data_ptr<T>() + (v * samples + first + static_cast<int64_t>(i)) * features, samples * features, columns, rows);
    const Target<T> to{result.data_ptr<T>() + (v * samples + first) * entries, entries, samples * entries};
    multiply(picks, panels.data_ptr<T>(), features * width, width, entries, to, [](int64_t, int64_t) { return true; });
  }
}

/// Neighbours of a row that are picked together.
constexpr int64_t kNeighbours = 5;

/// The rows of x [N, K] that are nonzero in some of the neighbours, with those as factors.
template <typename T>
class NeighbourPicks {
 public:
  NeighbourPicks(const T* x, int64_t samples, int64_t entries, int64_t first, int64_t width, T scale)
      : columns_(std::min(kNeighbours, entries - first)) {
    factors_.reserve(static_cast<std::size_t>(samples * columns_));
    for (int64_t n = 0; n < samples; ++n) {
      const T* const row = x + n * entries + first;
      if (std::all_of(row, row + columns_, [](T value) { return value == 0; })) continue;
      rows_.push_back(static_cast<int32_t>(n * width));
      for (int64_t i = 0; i < columns_; ++i) factors_.push_back(scale * row[i]);
    }
  }
  Picks<T> picks() const { return {factors_.data(), rows_.data(), static_cast<int64_t>(rows_.size()), columns_}; }

 private:
  int64_t columns_;
  std::vector<T> factors_;
  std::vector<int32_t> rows_;
};

/// A width of panels with so many rows that stay in the cache.
int64_t panel_width(int64_t rows, int64_t entries) {
  return std::clamp<int64_t>(kTable / rows / 32 * 32, 32, (entries + 31) / 32 * 32);
}

template <typename T>
Tensor moment_of(const Tensor& x, double scale) {
  const auto samples = x.size(0), entries = x.size(1), width = panel_width(samples, entries);
  const auto lines = (entries + kNeighbours - 1) / kNeighbours;
  std::vector<NeighbourPicks<T>> neighbours;
  std::vector<Picks<T>> picks;
  int64_t picked = 0;
  for (int64_t line = 0; line < lines; ++line) {
    neighbours.emplace_back(x.data_ptr<T>(), samples, entries, line * kNeighbours, width, static_cast<T>(scale));
    picked += neighbours.back().picks().count;
    if (static_cast<double>(picked) > kSparse * static_cast<double>(samples * lines)) return {};
  }
  for (const auto& one : neighbours) picks.push_back(one.picks());
  const auto panels = panels_of(x, width), result = at::empty({entries, entries}, x.options());
  over_samples(lines, [&](int64_t, int64_t first, int64_t last) {
    const std::vector<Picks<T>> part(picks.begin() + first, picks.begin() + last);
    const Target<T> to{result.data_ptr<T>() + first * kNeighbours * entries, kNeighbours * entries, entries};
    // What is below the diagonal comes from above it.
    multiply(part, panels.data_ptr<T>(), samples * width, width, entries, to,
             [&](int64_t line, int64_t at) { return at + width > (first + line) * kNeighbours; });
  }, chunks_of(lines));
  mirror_upper(result);
  return result;
}

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

Tensor product(const Tensor& z, const Tensor& w) {
  const auto lines = z.contiguous();
  const auto result = at::empty({z.size(0), z.size(1), w.size(1)}, z.options());
  const auto width = panel_width(w.size(0), w.size(1));
  const auto panels = panels_of(w, width);
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "sparse product", [&] {
    over_samples(z.size(1), [&](int64_t, int64_t first, int64_t last) {
      multiply_samples<scalar_t>(lines, panels, width, result, first, last);
    }, chunks_of(z.size(1)));
  });
  return result;
}

Tensor moment(const Tensor& x, double scale) {
  if (!x.device().is_cpu() || x.numel() == 0) return {};
  const auto rows = x.contiguous();
  Tensor result;
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "sparse moment", [&] { result = moment_of<scalar_t>(rows, scale); });
  return result;
}

}  // namespace backobs::sparse
