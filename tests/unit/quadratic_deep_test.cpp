// SPDX-License-Identifier: MIT
// Expected numbers: DeepOBS as Cockpit's documentation prints it (7.07626, 7.06894), and an independent construction
// with numpy.
#include <backobs/problem.h>

#include "host/registry.h"
#include "network/tape.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <memory>

namespace backobs {
namespace {

constexpr int64_t kEvaluated = 896;  // 7 batches of 128; the incomplete one is dropped

class QuadraticDeep : public ::testing::Test {
 protected:
  /// The loss at the network's present parameters over the first `count` samples of a phase.
  double loss(Phase phase, int64_t count, c10::ScalarType dtype = at::kFloat) {
    DataRequest request;
    request.dtype = dtype;
    const auto source = problem_->data(request);
    auto order = source->order(phase, Random(42));
    order.resize(static_cast<std::size_t>(count));
    const Batch batch = source->batch(phase, order, Random(42));
    net_.to(dtype, at::kCPU);
    const TensorList outputs = run_forward(net_, batch.inputs, {});
    EXPECT_EQ(batch.targets.front().abs().max().item<double>(), 0);
    return outputs.front().to(at::kDouble).square().sum().item<double>() / static_cast<double>(100 * count);
  }
  double value(const std::string& parameter, int64_t row, int64_t column) {
    return net_.parameter(parameter).value[row][column].item<double>();
  }

  std::unique_ptr<Problem> problem_ = Registry({BACKOBS_BUILD_DIR "/plugins"}).make_problem("quadratic_deep", Options());
  Network net_ = problem_->network(Random(42));
};

TEST_F(QuadraticDeep, ParametersAndWhatIsFrozen) {
  ASSERT_EQ(net_.parameters().size(), 3u);
  EXPECT_EQ(net_.parameters()[0].name, "shift.weight");
  EXPECT_EQ(net_.parameters()[1].name, "shift.bias");
  EXPECT_EQ(net_.parameters()[2].name, "scale.weight");
  EXPECT_FALSE(net_.parameters()[0].trainable());
  EXPECT_TRUE(net_.parameters()[1].trainable());
  EXPECT_FALSE(net_.parameters()[2].trainable());
  EXPECT_TRUE(net_.parameter("shift.weight").value.equal(-at::eye(100)));
  EXPECT_TRUE(net_.parameter("shift.bias").value.equal(at::ones({100})));
}

TEST_F(QuadraticDeep, CholeskyFactorOfTheHessian) {
  EXPECT_NEAR(value("scale.weight", 0, 0), 2.49427934, 1e-6);
  EXPECT_NEAR(value("scale.weight", 0, 1), 0.45184189, 1e-6);
  EXPECT_NEAR(value("scale.weight", 1, 1), 2.39914420, 1e-6);
  const Tensor l = net_.parameter("scale.weight").value.detach().t().to(at::kDouble), h = l.matmul(l.t());
  for (const auto& [column, expected] : {std::pair(0, 6.22142944), std::pair(1, 1.1270199), std::pair(2, -0.54728195), std::pair(3, 0.87385014)})
    EXPECT_NEAR(h[0][column].item<double>(), expected, 2e-6);
  EXPECT_NEAR(h.trace().item<double>(), 477.61227960, 1e-4);  // sum of the eigenvalues
  EXPECT_NEAR(h.sum().item<double>(), 535.058686, 1e-4);
  const Tensor eigenvalues = at::linalg_eigvalsh(h);
  EXPECT_NEAR(eigenvalues[0].item<double>(), 0.00552211712, 1e-5);
  EXPECT_NEAR(eigenvalues[99].item<double>(), 53.1290154, 1e-5);
  EXPECT_NEAR(eigenvalues.narrow(0, 0, 90).sum().item<double>(), 42.51482588, 1e-4);
}

TEST_F(QuadraticDeep, DataAreNumpysDraws) {
  const Tensor row = problem_->data({})->batch(Phase::train, {0}, Random(42)).inputs.front()[0];
  EXPECT_EQ(row[0].item<float>(), 0.2980285f);
  EXPECT_EQ(row[1].item<float>(), -0.08295858f);
  EXPECT_EQ(row[2].item<float>(), 0.38861313f);
}

TEST_F(QuadraticDeep, InitialLosses) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    EXPECT_NEAR(loss(Phase::valid, kEvaluated, dtype), 7.07626, 5e-6);
    EXPECT_NEAR(loss(Phase::test, kEvaluated, dtype), 7.06894, 5e-6);
    EXPECT_NEAR(loss(Phase::train, 1000, dtype), 7.07413, 5e-6);
    EXPECT_NEAR(loss(Phase::valid, 1000, dtype), 7.09235, 5e-6);
    EXPECT_NEAR(loss(Phase::test, 1000, dtype), 7.07852, 5e-6);
  }
}

TEST_F(QuadraticDeep, LossAtZero) {
  const at::NoGradGuard no_grad;
  Tensor(net_.parameter("shift.bias").value).zero_();
  EXPECT_NEAR(loss(Phase::test, kEvaluated), 1.73853, 5e-6);
}

TEST_F(QuadraticDeep, IsTheSameForEverySeedAndInstance) {
  const Network other = problem_->network(Random(7));
  EXPECT_TRUE(other.parameter("scale.weight").value.equal(net_.parameter("scale.weight").value));
}

}  // namespace
}  // namespace backobs
