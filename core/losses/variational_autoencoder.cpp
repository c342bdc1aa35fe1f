// SPDX-License-Identifier: MIT
#include "losses/diagonal_hessian.h"
#include "losses/shapes.h"

#include <backobs/error.h>

#include <ATen/ATen.h>

#include <cmath>

namespace backobs {
namespace {

/// Outputs (x, mu, s). saved = {x - t, exp(2 s)}.
class VariationalAutoencoder final : public DiagonalHessianLoss {
 public:
  using DiagonalHessianLoss::DiagonalHessianLoss;

  std::string type() const override { return "VAELoss"; }
  double divisor(const LossIO& io) const override {
    return reduction() == LossReduction::mean ? static_cast<double>(io.batch_size) : 1;
  }
  Tensor contributions(LossIO& io) const override {
    check_shapes(io);
    const auto &mu = io.outputs[1], &s = io.outputs[2];
    io.saved = {io.outputs[0] - io.targets[0], (2 * s).exp()};
    const auto divergence = (mu.square() + io.saved[1] - 2 * s - 1) / 2;
    return (per_sample(io.saved[0].square()) + per_sample(divergence)) / io.divisor;
  }
  TensorList gradient(const LossIO& io) const override {
    return {io.saved[0] * (2 / io.divisor), io.outputs[1] / io.divisor, (io.saved[1] - 1) / io.divisor};
  }

 private:
  TensorList roots(const LossIO& io) const override {
    const auto constant = [&](const Tensor& output, double h) {
      return at::full({1}, std::sqrt(h / io.divisor), output.options()).expand_as(output);
    };
    return {constant(io.outputs[0], 2), constant(io.outputs[1], 1), (io.saved[1] * (2 / io.divisor)).sqrt()};
  }
  static Tensor per_sample(const Tensor& entries) { return entries.reshape({entries.size(0), -1}).sum(1); }
  static void check_shapes(const LossIO& io) {
    if (io.outputs.size() == 3 && io.targets.size() == 1 && io.outputs[0].sizes() == io.targets[0].sizes() &&
        io.outputs[1].sizes() == io.outputs[2].sizes())
      return;
    throw ComputeError("VAELoss", "outputs " + shapes_of(io.outputs) + " and targets " + shapes_of(io.targets),
                       "outputs (image, mean, log deviation), the last two alike, and the image as target");
  }
};

}  // namespace

std::shared_ptr<LossRule> variational_autoencoder(LossReduction reduction) {
  return std::make_shared<VariationalAutoencoder>(reduction);
}

}  // namespace backobs
