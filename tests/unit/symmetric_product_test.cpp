// SPDX-License-Identifier: MIT
// Half of a symmetric product and its mirror image against the whole product; shapes below and above one strip, both memory layouts.
#include "kernels/symmetric_product.h"
#include "tolerance.h"

#include <ATen/Parallel.h>

namespace backobs {
namespace {

TEST(SymmetricProduct, EqualsTheWholeProduct) {
  for (const int64_t size : {0, 1, 7, 31, 128, 129, 300, 513})
    for (const bool rows_first : {true, false})
      for (const int threads : {1, 3}) {
        SCOPED_TRACE(std::to_string(size) + (rows_first ? ", rows first, threads " : ", columns first, threads ") + std::to_string(threads));
        at::set_num_threads(threads);
        const auto a = rows_first ? at::randn({size, 40}, at::kDouble) : at::randn({40, size}, at::kDouble).t();
        const auto found = symmetric_product(a, a.t(), 0.25);
        EXPECT_TRUE(equal_up_to_rounding(found, symmetric_product_plainly(a, a.t(), 0.25)));
        EXPECT_TRUE(found.equal(found.t()));
      }
}

TEST(SymmetricProduct, AddsTheUpperTriangle) {
  const auto a = at::randn({200, 9}, at::kDouble), before = at::randn({200, 200}, at::kDouble);
  auto sum = before.clone();
  add_upper_product(sum, a, a.t());
  EXPECT_TRUE(equal_up_to_rounding(sum.triu(), (before + a.mm(a.t())).triu()));
}

TEST(SymmetricProduct, MirrorsWhatIsAboveTheDiagonal) {
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const int64_t size : {1, 50, 131, 260}) {
      auto square = at::randn({size, size}, dtype);
      const auto upper = square.triu();
      mirror_upper(square);
      EXPECT_TRUE(square.equal(upper + upper.triu(1).t())) << size;
    }
}

}  // namespace
}  // namespace backobs
