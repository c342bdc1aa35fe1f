// SPDX-License-Identifier: MIT
#include "losses/diagonal_hessian.h"
#include "losses/shapes.h"

#include <backobs/error.h>

#include <ATen/ATen.h>

#include <cmath>

namespace backobs {
namespace {

/// saved[0] = f - y, [n, *out].
class MeanSquaredError final : public DiagonalHessianLoss {
 public:
  using DiagonalHessianLoss::DiagonalHessianLoss;

  std::string type() const override { return "MSELoss"; }
  double divisor(const LossIO& io) const override {
    if (reduction() == LossReduction::sum) return 1;
    return static_cast<double>(io.batch_size * features(io.outputs[0]));
  }
  Tensor contributions(LossIO& io) const override {
    check_shapes(io);
    const auto difference = io.outputs[0] - io.targets[0];
    io.saved = {difference};
    return difference.square().reshape({difference.size(0), -1}).sum(1).div_(io.divisor);
  }
  TensorList gradient(const LossIO& io) const override { return {io.saved[0] * (2 / io.divisor)}; }

 private:
  TensorList roots(const LossIO& io) const override {
    const auto& f = io.outputs[0];
    return {at::full({1}, std::sqrt(2 / io.divisor), f.options()).expand_as(f)};
  }
  static void check_shapes(const LossIO& io) {
    if (io.outputs.size() == 1 && io.targets.size() == 1 && io.outputs[0].sizes() == io.targets[0].sizes()) return;
    throw ComputeError("MSELoss", "outputs " + shapes_of(io.outputs) + " and targets " + shapes_of(io.targets),
                       "one of each, of equal shape [N, *out]");
  }
};

}  // namespace

std::shared_ptr<LossRule> mean_squared_error(LossReduction reduction) {
  return std::make_shared<MeanSquaredError>(reduction);
}

}  // namespace backobs
