// SPDX-License-Identifier: MIT
#include <backobs/initialise.h>
#include <backobs/legacy_random.h>
#include <backobs/module.h>
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

namespace backobs {

namespace {

constexpr int64_t kDim = 100, kSamples = 1000;
constexpr double kNoise = 0.6;

/// 90 eigenvalues from U(0, 1), then 10 from U(30, 60).
Tensor eigenvalues(MersenneTwister& random) {
  Tensor values = at::empty({kDim}, at::kDouble);
  for (int64_t i = 0; i < kDim; ++i)
    values.data_ptr<double>()[i] = i < 90 ? random.uniform(0, 1) : random.uniform(30, 60);
  return values;
}

/// A unit vector of `size` entries, uniform on the sphere.
Tensor direction(MersenneTwister& random, int64_t size) {
  Tensor vector = at::empty({size}, at::kDouble);
  for (int64_t i = 0; i < size; ++i) vector.data_ptr<double>()[i] = random.normal();
  return vector / vector.norm();
}

/// A uniform rotation by the subgroup algorithm (Diaconis and Shahshahani, 1987): each step puts a random reflection
/// in front of the rotation of one dimension less.
Tensor rotation(MersenneTwister& random) {
  const double t = 2 * M_PI * random.uniform(0, 1);
  Tensor r = at::tensor({std::cos(t), std::sin(t), -std::sin(t), std::cos(t)}, at::kDouble).view({2, 2});
  for (int64_t size = 3; size <= kDim; ++size) {
    Tensor u = -direction(random, size);
    u[0] += 1;
    u /= u.norm();
    const Tensor wider = at::block_diag({at::ones({1, 1}, at::kDouble), r});
    r = wider - 2 * at::outer(u, u.matmul(wider));
  }
  return -r;
}

/// L of H = L L^T with H = R^T diag(eigenvalues) R, where H is rounded to float32 as in DeepOBS. DeepOBS also
/// factorises in float32; the published first loss, 7.07626, is so close to 7.076255 that the rounding errors of one
/// LAPACK or another decide its last digit. Factorising in float64 and rounding then gives it with all of them.
Tensor hessian_root() {
  auto random = MersenneTwister::numpy(42);
  const Tensor values = eigenvalues(random);
  const Tensor r = rotation(random);
  const Tensor hessian = r.t().matmul(values.unsqueeze(1) * r).to(at::kFloat);
  return at::linalg_cholesky(hessian.to(at::kDouble)).to(at::kFloat);
}

/// [1000, 100], rounded to float32 as DeepOBS does.
Tensor samples(uint32_t seed) {
  auto random = MersenneTwister::numpy(seed);
  Tensor values = at::empty({kSamples, kDim}, at::kFloat);
  for (int64_t i = 0; i < values.numel(); ++i)
    values.data_ptr<float>()[i] = static_cast<float>(random.normal(0, kNoise));
  return values;
}

void freeze(const Network& net, const std::string& parameter, const Tensor& value) {
  const at::NoGradGuard no_grad;
  Tensor tensor = net.parameter(parameter).value;
  tensor.copy_(value);
  tensor.requires_grad_(false);
}

}  // namespace

/// A noisy quadratic with an ill-conditioned Hessian H. The network maps x to L^T (theta - x); theta, the bias of
/// `shift`, is all that is trained:
///     loss = 1 / (100 N) sum_n (theta - x_n)^T H (theta - x_n),  theta = 1 at the beginning.
class QuadraticDeep : public Problem {
 public:
  explicit QuadraticDeep(const Options&) {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, quadratic_deep as a network with squared loss; Chaudhari et al., Entropy-SGD, ICLR 2017";
    facts.batch_size = 128;
    facts.epochs = 100;
    facts.initial_loss = 7.07413;
    facts.note = "The loss is 2/100 of the one of DeepOBS up to 1.2.0-beta0: multiply learning rates of SGD by 50.";
    return facts;
  }

  Network network(const Random&) const override {
    Network net({kDim});
    net.add("shift", torch::nn::Linear(kDim, kDim));
    net.add("scale", torch::nn::Linear(torch::nn::LinearOptions(kDim, kDim).bias(false)));
    freeze(net, "shift.weight", -at::eye(kDim));
    freeze(net, "scale.weight", hessian_root().t());
    initialise::constant(net, "shift.bias", 1);
    return net;
  }

  std::shared_ptr<const LossRule> loss() const override { return mean_squared_error(); }

  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    TensorSet set;
    set.inputs = {samples(42), samples(44), samples(43)};
    for (auto& targets : set.targets) targets = at::zeros({kSamples, kDim});
    return tensor_source(std::move(set), request);
  }
};

BACKOBS_PROBLEM(QuadraticDeep, "Quadratic of 100 dimensions with a deep-learning-like spectrum and noise")

}  // namespace backobs
