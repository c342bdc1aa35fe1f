// SPDX-License-Identifier: MIT
#include <backobs/testing/plugin.h>
#include <backobs/testing/quadratic_step.h>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace {
using namespace backobs;
namespace kit = backobs::testing;

std::unique_ptr<Runner> runner_with(const std::string& curvature) {
  const kit::Plugin plugin(BACKOBS_PLUGIN_FILE);
  return plugin.make_runner({{"lr", "0.5"}, {"damping", "0.1"}, {"curvature", curvature}});
}
/// A symmetric positive definite matrix.
Tensor curvature(int64_t size) {
  const auto root = at::randn({size, size}, at::kDouble);
  return root.mm(root.t());
}
/// What one step took off w, given these values of the quantity.
Tensor taken_off(const std::string& quantity, const Tensor& w, const Tensor& a, std::vector<Tensor> values) {
  const auto runner = runner_with(quantity);
  const auto before = w.detach().clone();
  runner->prepare({{"dense.weight", w, {}}});
  kit::QuadraticStep step(w, a);
  step.set_result(quantity, "dense.weight", std::move(values));
  runner->step(step);
  return before - w.detach();
}

TEST(PreconditionedDescent, DividesByADampedDiagonal) {
  const auto w = at::tensor({3.0, 1.0}, at::kDouble).requires_grad_(), a = at::tensor({1.0, 4.0}, at::kDouble);
  const auto wanted = 0.5 * a * w.detach() / (a + 0.1);
  EXPECT_TRUE(at::allclose(taken_off("diag_ggn_mc", w, a, {a}), wanted, 1e-12));
}

/// The factored solve equals that with the Kronecker product written out.
TEST(PreconditionedDescent, SolvesWithTheKroneckerProduct) {
  at::manual_seed(0);
  const auto w = at::randn({2, 3}, at::kDouble).requires_grad_(), a = at::ones({2, 3}, at::kDouble);
  const auto A = curvature(2), B = curvature(3);
  const double pi = std::sqrt(at::trace(A).item<double>() / 2 / (at::trace(B).item<double>() / 3)), d = std::sqrt(0.1);
  const auto whole = at::kron(A + pi * d * at::eye(2, at::kDouble), B + d / pi * at::eye(3, at::kDouble));
  const auto wanted = 0.5 * at::linalg_solve(whole, w.detach().flatten()).reshape({2, 3});
  EXPECT_TRUE(at::allclose(taken_off("kfac", w, a, {A, B}), wanted, 1e-9));
}

TEST(PreconditionedDescent, SolvesWithTheOneFactorOfABias) {
  at::manual_seed(1);
  const auto b = at::randn({4}, at::kDouble).requires_grad_();
  const auto A = curvature(4);
  const auto wanted = 0.5 * at::linalg_solve(A + 0.1 * at::eye(4, at::kDouble), b.detach());
  EXPECT_TRUE(at::allclose(taken_off("kflr", b, at::ones({4}, at::kDouble), {A}), wanted, 1e-9));
}

TEST(PreconditionedDescent, AsksForWhatItReadsAndKeepsItsRate) {
  const auto first = runner_with("kfac"), second = runner_with("kfac");
  ASSERT_EQ(first->wants().size(), 1u);
  EXPECT_EQ(first->wants()[0].extension, "kfac");
  first->set_rate_factor(0.1);
  State state;
  first->save_state(state);
  second->load_state(state);
  EXPECT_DOUBLE_EQ(second->rate(), 0.05);
}

TEST(PreconditionedDescent, RefusesFactorsOfAnotherShapeAndBadOptions) {
  const auto w = at::ones({2, 3}, at::kDouble).requires_grad_();
  EXPECT_THROW(taken_off("kfac", w, at::ones({2, 3}, at::kDouble), {curvature(3), curvature(2)}), ComputeError);
  EXPECT_THROW(runner_with("variance"), ConfigError);
}
}  // namespace
