// SPDX-License-Identifier: MIT
// The loop that writes a root of the softmax Hessian against its plain twin and against the Hessian itself.
#include "kernels/softmax_root.h"
#include "tolerance.h"

#include <ATen/Parallel.h>

namespace backobs {
namespace {

TEST(SoftmaxRoot, EqualsItsPlainTwin) {
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const auto& [samples, classes] : {std::pair<int64_t, int64_t>{1, 2}, {5, 10}, {3, 100}})
      for (const int threads : {1, 3}) {
        at::set_num_threads(threads);
        const auto p = at::softmax(3 * at::randn({classes, samples}, dtype), 0).t(), weight = at::rand({samples}, dtype);
        const auto all = softmax_root(p, weight, 0, classes);
        EXPECT_TRUE(equal_up_to_rounding(all, softmax_root_plainly(p, weight, 0, classes)));
        EXPECT_TRUE(softmax_root(p, weight, 1, classes - 1).equal(all.narrow(0, 1, classes - 1)));
        const auto hessian = (at::diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)) * weight.view({-1, 1, 1});
        EXPECT_TRUE(equal_up_to_rounding(at::einsum("vnc,vnd->ncd", {all, all}), hessian));
      }
}

TEST(SoftmaxRoot, IsFiniteWhereAClassIsImpossible) {
  const auto p = at::tensor({0.0, 1.0}, at::kDouble).unsqueeze(0);
  EXPECT_TRUE(softmax_root(p, at::ones({1}, at::kDouble), 0, 2).eq(0).all().item<bool>());
}

}  // namespace
}  // namespace backobs
