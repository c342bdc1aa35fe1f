// SPDX-License-Identifier: MIT
// The derived quantities of affine maps against the columns they are made of, written out; over positions, groups,
// columns, memory layouts and number of threads. The fast products against their plain twin.
#include "kernels/affine.h"
#include "kernels/affine_products.h"
#include "kernels/outer_products.h"
#include "tolerance.h"

#include <ATen/Parallel.h>

namespace backobs {
namespace {

using at::Tensor;

struct Case {
  int64_t v, n, s, g, c, k;
  bool features_first;  ///< positions are the fastest axis in memory, as convolutions have them
};

std::ostream& operator<<(std::ostream& out, const Case& t) {
  return out << "V " << t.v << ", n " << t.n << ", S " << t.s << ", G " << t.g << ", C " << t.c << ", K " << t.k
             << (t.features_first ? ", features first" : "");
}

class AffineTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto& t = GetParam();
    at::manual_seed(7);
    z = t.features_first ? at::randn({t.v, t.n, t.g, t.c, t.s}, at::kDouble).permute({0, 1, 4, 2, 3})
                         : at::randn({t.v, t.n, t.s, t.g, t.c}, at::kDouble);
    x = t.features_first ? at::randn({t.n, t.g, t.k, t.s}, at::kDouble).permute({0, 3, 1, 2})
                         : at::randn({t.n, t.s, t.g, t.k}, at::kDouble);
    signs = at::randn({t.v, t.n}, at::kDouble).sign();
    a = at::einsum("vnsgc,nsgk->vngck", {z, x});
  }
  Tensor signed_squares() const { return a.square() * signs.view({a.size(0), a.size(1), 1, 1, 1}); }

  Tensor z, x, signs, a;
};

TEST_P(AffineTest, EachQuantityFollowsFromTheColumns) {
  const auto drop = [](const Tensor& t) { return t.size(0) == 1 ? t.squeeze(0) : t; };
  const auto w = at::randn_like(a[0][0]);
  for (const int threads : {1, 3}) {
    SCOPED_TRACE(threads);
    at::set_num_threads(threads);
    EXPECT_TRUE(equal_up_to_rounding(affine::columns(z, x), a));
    EXPECT_TRUE(equal_up_to_rounding(affine::columns(z, x, w), a + w));
    EXPECT_TRUE(equal_up_to_rounding(affine::sum(z, x), a.sum(c10::IntArrayRef{0, 1})));
    EXPECT_TRUE(equal_up_to_rounding(affine::sum_squares(z, {}, x), a.square().sum(c10::IntArrayRef{0, 1})));
    EXPECT_TRUE(equal_up_to_rounding(affine::sum_squares(z, signs, x), signed_squares().sum(c10::IntArrayRef{0, 1})));
    EXPECT_TRUE(equal_up_to_rounding(affine::sample_squares(z, {}, x), a.square().sum(0)));
    EXPECT_TRUE(equal_up_to_rounding(affine::sample_squares(z, signs, x), signed_squares().sum(0)));
    EXPECT_TRUE(equal_up_to_rounding(affine::squared_norms(z, x), a.square().sum(c10::IntArrayRef{2, 3, 4})));
    EXPECT_TRUE(equal_up_to_rounding(affine::squared_norms_by_positions(z, x), a.square().sum(c10::IntArrayRef{2, 3, 4})));
    EXPECT_TRUE(equal_up_to_rounding(affine::inner_products(z, x, w), (a * w).sum(c10::IntArrayRef{2, 3, 4})));
    EXPECT_TRUE(equal_up_to_rounding(affine::input_moment(x), drop(at::einsum("nsgk,nsgl->gkl", {x, x}))));
    const auto summed = z.sum(2);
    EXPECT_TRUE(equal_up_to_rounding(affine::output_moment(summed), drop(at::einsum("vngc,vngd->gcd", {summed, summed}))));
  }
}

TEST_P(AffineTest, ProductsEqualTheirPlainTwin) {
  const auto one = a[0][0], all = a.select(0, 0);
  const auto wanted = [&] {
    affine::Products p;
    p.columns = at::empty_like(a).contiguous();
    p.sample_squares = at::zeros(all.sizes(), a.options());
    p.squared_norms = at::zeros(signs.sizes(), a.options());
    p.addend = -0.5 * p.columns.new_ones(one.sizes());
    p.shift = one.contiguous();
    for (auto* sum : {&p.sum_squares, &p.shifted_sum, &p.shifted_squares}) *sum = at::ones(one.sizes(), a.options());
    return p;
  };
  const auto fast = wanted(), plain = wanted();
  affine::form(z, signs, x, fast);
  affine::form_plainly(z, signs, x, plain);
  for (const auto field : {&affine::Products::columns, &affine::Products::sample_squares, &affine::Products::sum_squares,
                           &affine::Products::squared_norms, &affine::Products::shifted_sum, &affine::Products::shifted_squares})
    EXPECT_TRUE(equal_up_to_rounding(fast.*field, plain.*field));
}

/// float32, products 1e4 times their spread: the moments about a shift give the variance, those about zero nothing.
TEST(AffineProducts, ShiftedMomentsSurviveALargeMean) {
  at::manual_seed(3);
  const auto near_one = [](at::IntArrayRef shape) { return (1 + 1e-4 * at::randn(shape, at::kDouble)).to(at::kFloat); };
  const auto z = near_one({1, 50, 16, 1, 4}), x = near_one({50, 16, 1, 6});
  affine::Products p;
  p.shift = affine::columns(z.narrow(1, 0, 1), x.narrow(0, 0, 1))[0][0];
  p.shifted_sum = at::zeros_like(p.shift);
  p.shifted_squares = at::zeros_like(p.shift);
  affine::form(z, {}, x, p);
  const auto a = affine::columns(z.to(at::kDouble), x.to(at::kDouble))[0];
  const auto found = p.shifted_squares / 50 - (p.shifted_sum / 50).square();
  EXPECT_TRUE(tensors_near(found, a.var(0, /*unbiased=*/false), 1e-2, 0));
}

INSTANTIATE_TEST_SUITE_P(Shapes, AffineTest,
                         ::testing::Values(Case{1, 1, 1, 1, 1, 1, false}, Case{1, 4, 1, 1, 3, 5, false},
                                           Case{3, 4, 1, 2, 3, 5, false}, Case{1, 4, 6, 1, 3, 5, true},
                                           Case{1, 4, 6, 1, 3, 5, false}, Case{4, 5, 6, 1, 3, 5, true},
                                           Case{4, 5, 6, 2, 3, 5, true}, Case{4, 5, 6, 2, 3, 5, false},
                                           Case{3, 1, 7, 3, 2, 2, true}, Case{7, 3, 2, 1, 40, 300, true},
                                           Case{2, 3, 300, 1, 5, 70, true}));

/// Results of 8 MiB and more, with rows that fit the stores of 16 bytes and rows that do not.
TEST(OuterProducts, LargeOnesEqualMultiplicationToTheBit) {
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const int64_t inputs : {1024, 1001, 4, 2})
      for (const int threads : {1, 3}) {
        SCOPED_TRACE(c10::toString(dtype) + std::string(", K ") + std::to_string(inputs));
        at::set_num_threads(threads);
        const auto a = at::randn({2, 5, 3, 2100000 / (30 * inputs) + 1}, dtype), b = at::randn({inputs, 5, 3}, dtype).permute({1, 2, 0});
        const auto addend = at::randn({3, a.size(3), inputs}, dtype), wanted = a.unsqueeze(-1) * b.unsqueeze(2);
        EXPECT_TRUE(affine::outer_products(a, b).equal(wanted));
        EXPECT_TRUE(affine::outer_products(a, b, addend).equal(wanted + addend));
      }
}

}  // namespace
}  // namespace backobs
