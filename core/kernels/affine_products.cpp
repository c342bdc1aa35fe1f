// SPDX-License-Identifier: MIT
#include "kernels/affine_products.h"

#include "kernels/over_samples.h"
#include "kernels/product_consumers.h"
#include "kernels/symmetric_product.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>
#include <functional>

namespace backobs::affine {
namespace {

/// A block of products this large is still in the last-level cache when it is squared; smaller ones cost more in BLAS, which
/// packs its operands once per block.
constexpr int64_t kProductBytes = int64_t{1} << 22;
/// Samples are gathered until a contraction runs over this many positions; shorter ones leave BLAS idle.
constexpr int64_t kPositions = 256;

/// The products of samples [first, last); what is summed over samples goes to `products` as well.
template <typename T>
void form_part(const Tensor& z, const Tensor& signs, const Tensor& x, const Products& products, int64_t first, int64_t last) {
  const auto columns = z.size(0), positions = z.size(2), groups = z.size(3), out = z.size(4), in = x.size(3);
  const Consumers<T> consumers(products, signs, groups, out * in);
  const auto block = std::clamp<int64_t>(kProductBytes / (out * in * static_cast<int64_t>(sizeof(T))), 1, columns);
  const auto workspace = at::empty({block, out, in}, z.options());
  const auto stacked = columns > 1 ? at::empty({columns, out, positions}, z.options()) : Tensor();
  for (auto n = first; n < last; ++n)
    for (int64_t g = 0; g < groups; ++g) {
      const auto xn = x.select(0, n).select(1, g);                            // [S, K]
      auto zn = z.select(1, n).select(2, g).transpose(1, 2);                  // [V, C, S]
      if (columns > 1) zn = stacked.copy_(zn);
      for (int64_t v = 0; v < columns; v += block) {
        const auto count = std::min(block, columns - v);
        auto a = workspace.narrow(0, 0, count);
        if (products.columns.defined() && columns == 1) a = products.columns.select(1, n).select(1, g);
        auto flat = a.flatten(0, 1);
        at::mm_out(flat, zn.narrow(0, v, count).flatten(0, 1), xn);
        for (int64_t i = 0; i < count; ++i) consumers.take(a.data_ptr<T>() + i * out * in, v + i, n, g);
        if (products.columns.defined() && products.addend.defined()) a.add_(products.addend[g]);
        if (products.columns.defined() && columns > 1)
          products.columns.narrow(0, v, count).select(1, n).select(1, g).copy_(a);
      }
    }
}

void form_on_cpu(const Tensor& z, const Tensor& signs, const Tensor& x, const Products& products) {
  const auto samples = z.size(1), chunks = chunks_of(samples);
  const auto row_major_signs = signs.defined() ? signs.contiguous() : signs;
  Parts parts(products, chunks);
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "affine products", [&] {
    over_samples(samples, [&](int64_t chunk, int64_t first, int64_t last) {
      form_part<scalar_t>(z, row_major_signs, x, parts[chunk], first, last);
    }, chunks);
  });
  parts.add_up();
}

/// [n, S, F] as [F, n S]; no copy of a single sample.
Tensor features_first(const Tensor& t) { return t.permute({2, 0, 1}).flatten(1); }

/// Adds a b^T for a [C, P], b [K, P].
void add_product(Tensor& sum, const Tensor& a, const Tensor& b) { sum.addmm_(a, b.t()); }

/// [V, n]: what `add(sum, z, x, g)` adds up over the groups g from z [V, S, C] and x [S, K] of a sample to sum [V].
Tensor sample_by_sample(const Tensor& z, const Tensor& x,
                        const std::function<void(const Tensor&, const Tensor&, const Tensor&, int64_t)>& add) {
  const auto samples = z.size(1);
  auto result = at::zeros({z.size(0), samples}, z.options());
  const auto chunks = z.device().is_cpu() ? std::max<int64_t>(chunks_of(samples), 1) : 1;
  over_samples(samples, [&](int64_t, int64_t first, int64_t last) {
    for (auto n = first; n < last; ++n)
      for (int64_t g = 0; g < z.size(3); ++g) add(result.select(1, n), z.select(1, n).select(2, g), x[n].select(1, g), g);
  }, chunks);
  return result;
}

}  // namespace

void form(const Tensor& z, const Tensor& signs, const Tensor& x, const Products& products) {
  if (z.device().is_cpu() && z.size(0) > 0 && z.size(1) > 0) form_on_cpu(z, signs, x, products);
  else form_plainly(z, signs, x, products);
}

void form_plainly(const Tensor& z, const Tensor& signs, const Tensor& x, const Products& products) {
  for (int64_t v = 0; v < z.size(0); ++v) {
    const auto a = at::matmul(z[v].permute({0, 2, 3, 1}), x.permute({0, 2, 1, 3}));  // [n, G, C, S] [n, G, S, K]
    const auto with_addend = products.addend.defined() ? a + products.addend : a;
    if (products.columns.defined()) products.columns[v].copy_(with_addend);
    if (products.squared_norms.defined())
      products.squared_norms[v].add_(with_addend.square().sum(c10::IntArrayRef{1, 2, 3}));
    if (products.shift.defined()) {
      const auto centred = a - products.shift;
      products.shifted_sum.add_(centred.sum(0));
      products.shifted_squares.add_(centred.square().sum(0));
    }
    if (!products.sample_squares.defined() && !products.sum_squares.defined()) continue;
    auto squares = a.square();
    if (signs.defined()) squares *= signs[v].reshape({-1, 1, 1, 1});
    if (products.sample_squares.defined()) products.sample_squares.add_(squares);
    if (products.sum_squares.defined()) products.sum_squares.add_(squares.sum(0));
  }
}

Tensor contract_samples(const Tensor& a, const Tensor& b) {
  const auto samples = a.size(0), groups = a.size(2);
  const auto together = std::clamp<int64_t>(kPositions / std::max<int64_t>(a.size(1), 1), 1, std::max<int64_t>(samples, 1));
  const bool symmetric = a.is_same(b);
  const auto chunks = a.device().is_cpu() ? std::max<int64_t>(chunks_of(samples / together), 1) : 1;
  std::vector<Tensor> sums(static_cast<std::size_t>(chunks));
  over_samples(samples, [&](int64_t chunk, int64_t first, int64_t last) {
    auto& sum = sums[static_cast<std::size_t>(chunk)];
    sum = at::zeros({groups, a.size(3), b.size(3)}, a.options());
    for (auto n = first; n < last; n += together)
      for (int64_t g = 0; g < groups; ++g) {
        const auto count = std::min(together, last - n);
        auto part = sum[g];
        const auto left = features_first(a.narrow(0, n, count).select(2, g));
        if (symmetric) add_upper_product(part, left, left.t());
        else add_product(part, left, features_first(b.narrow(0, n, count).select(2, g)));
      }
  }, chunks);
  for (std::size_t chunk = 1; chunk < sums.size(); ++chunk) sums[0].add_(sums[chunk]);
  for (int64_t g = 0; symmetric && g < groups; ++g) mirror_upper(sums[0][g]);
  return sums[0];
}

Tensor squared_norms_by_positions(const Tensor& z, const Tensor& x) {
  return sample_by_sample(z, x, [](const Tensor& sum, const Tensor& zn, const Tensor& xn, int64_t) {
    const auto gram = xn.mm(xn.t());
    for (int64_t v = 0; v < zn.size(0); ++v) sum[v].add_(zn[v].mm(zn[v].t()).mul_(gram).sum());
  });
}

Tensor inner_products_by_positions(const Tensor& z, const Tensor& x, const Tensor& w) {
  return sample_by_sample(z, x, [&](const Tensor& sum, const Tensor& zn, const Tensor& xn, int64_t g) {
    const auto wx = w[g].mm(xn.t());  // [C, S]
    sum.add_((zn * wx.t()).sum(c10::IntArrayRef{1, 2}));
  });
}

}  // namespace backobs::affine
