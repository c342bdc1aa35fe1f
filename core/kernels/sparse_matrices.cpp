// SPDX-License-Identifier: MIT
#include "kernels/sparse_matrices.h"

#include "kernels/instruction_sets.h"
#include "kernels/line_picks.h"
#include "kernels/over_samples.h"
#include "kernels/symmetric_product.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>

namespace backobs::sparse {
namespace {

/// Entries of a panel that stay in the cache while samples pass.
constexpr int64_t kTable = 65536;

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
        best_kernels<T>().rows.set(picks[i], panels, std::min(width, entries - at), to.data + line * to.line + at, to.column);
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
    const T* const from = z.data_ptr<T>() + (v * samples + first) * features;
    for (std::size_t i = 0; i < lines.size(); ++i)
      picks[i] = lines[i].of(from + static_cast<int64_t>(i) * features, samples * features, columns, rows);
    const Target<T> to{result.data_ptr<T>() + (v * samples + first) * entries, entries, samples * entries};
    multiply(picks, panels.data_ptr<T>(), features * width, width, entries, to, [](int64_t, int64_t) { return true; });
  }
}

/// Neighbours of a row that are picked together.
constexpr int64_t kNeighbours = 5;

/// Whether one of `count` numbers is not zero.
template <typename T>
bool any_nonzero(const T* values, int64_t count) {
  Bits<T> any = 0;
  for (int64_t i = 0; i < count; ++i) any |= bits_of(values[i]);
  return any != 0;
}

/// For each line of neighbours the rows of x [N, K] that are nonzero in some of them, with those as factors.
template <typename T>
class NeighbourPicks {
 public:
  NeighbourPicks(const Tensor& x, int64_t width, T scale)
      : samples_(x.size(0)), entries_(x.size(1)), rows_(static_cast<std::size_t>(lines() * samples_)),
        factors_(rows_.size() * kNeighbours) {
    picks_.resize(static_cast<std::size_t>(lines()));
    over_samples(lines(), [&](int64_t, int64_t first, int64_t last) {
      for (auto line = first; line < last; ++line) picks_[static_cast<std::size_t>(line)] = pick(x.data_ptr<T>(), line, width, scale);
    }, chunks_of(lines()));
  }
  const std::vector<Picks<T>>& picks() const { return picks_; }

 private:
  int64_t lines() const { return (entries_ + kNeighbours - 1) / kNeighbours; }

  Picks<T> pick(const T* x, int64_t line, int64_t width, T scale) {
    const std::integral_constant<int64_t, kNeighbours> all;  // known when this is compiled
    const auto rest = entries_ - line * kNeighbours;
    return rest >= kNeighbours ? picks_of(x, line, all, width, scale) : picks_of(x, line, rest, width, scale);
  }

  template <typename Columns>
  Picks<T> picks_of(const T* x, int64_t line, Columns columns, int64_t width, T scale) {
    auto* const rows = rows_.data() + line * samples_;
    auto* const factors = factors_.data() + line * samples_ * kNeighbours;
    int64_t count = 0;
    for (int64_t n = 0; n < samples_; ++n) {  // without a branch, as in LinePicks
      const T* const row = x + n * entries_ + line * kNeighbours;
      rows[count] = static_cast<int32_t>(n * width);
      for (int64_t i = 0; i < columns; ++i) factors[count * columns + i] = scale * row[i];
      count += any_nonzero(row, columns);
    }
    return {factors, rows, count, columns};
  }

  int64_t samples_, entries_;
  std::vector<int32_t> rows_;
  std::vector<T> factors_;
  std::vector<Picks<T>> picks_;
};

/// A width of panels with so many rows that stay in the cache.
int64_t panel_width(int64_t rows, int64_t entries) {
  return std::clamp<int64_t>(kTable / rows / 32 * 32, 32, (entries + 31) / 32 * 32);
}

/// Whether neighbours are zero together in so many places that going over the others is faster. A few rows are looked at.
template <typename T>
bool is_sparse_by_neighbours(const Tensor& x) {
  const auto samples = x.size(0), entries = x.size(1), looked_at = std::min<int64_t>(samples, 4);
  int64_t nonzero = 0, all = 0;
  for (int64_t i = 0; i < looked_at; ++i)
    for (int64_t first = 0; first < entries; first += kNeighbours, ++all)
      nonzero += any_nonzero(x.data_ptr<T>() + samples * i / looked_at * entries + first, std::min(kNeighbours, entries - first));
  return static_cast<double>(nonzero) < kSparse * static_cast<double>(all);
}

template <typename T>
Tensor moment_of(const Tensor& x, double scale) {
  if (!is_sparse_by_neighbours<T>(x)) return {};
  const auto samples = x.size(0), entries = x.size(1), width = panel_width(samples, entries);
  const NeighbourPicks<T> neighbours(x, width, static_cast<T>(scale));
  const auto& picks = neighbours.picks();
  const auto lines = static_cast<int64_t>(picks.size());
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
