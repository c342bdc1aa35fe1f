// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/loss.h>

#include <ATen/ATen.h>

#include <cmath>
#include <sstream>

namespace backobs {
namespace {

/// l_n = |f_n - y_n|^2 / divisor over all D entries of a sample. saved[0] = f - y, [n, *out].
class MeanSquaredError final : public LossRule {
 public:
  using LossRule::LossRule;

  std::string type() const override { return "MSELoss"; }
  double divisor(const LossIO& io) const override {
    return reduction() == LossReduction::mean ? static_cast<double>(io.batch_size * features(io)) : 1.0;
  }

  Tensor contributions(LossIO& io) const override {
    check_shapes(io);
    const auto difference = io.outputs[0] - io.targets[0];
    io.saved = {difference};
    return difference.square().reshape({difference.size(0), -1}).sum(1).div_(io.divisor);
  }
  TensorList gradient(const LossIO& io) const override { return {io.saved[0] * (2 / io.divisor)}; }

  int64_t columns(const LossIO& io) const override { return features(io); }
  /// S[v,n,c] = sqrt(2 / divisor) delta_vc.
  TensorList sqrt_hessian(const LossIO& io, int64_t first, int64_t count) const override {
    const auto& f = io.outputs[0];
    auto s = at::zeros({count, f.size(0), features(io)}, f.options());
    at::diagonal(s, first, 0, 2).fill_(std::sqrt(2 / io.divisor));
    return {s.view(columns_shape(f, count))};
  }
  /// sqrt(2 / (M divisor)) xi, xi ~ N(0, I).
  TensorList sampled_sqrt_hessian(const LossIO& io, int64_t draws, at::Generator generator) const override {
    const auto& f = io.outputs[0];
    const auto xi = at::randn(columns_shape(f, draws), generator, at::kDouble).to(f.options());
    return {xi * std::sqrt(2 / (static_cast<double>(draws) * io.divisor))};
  }
  Tensor summed_hessian(const LossIO& io) const override {
    return at::eye(features(io), io.outputs[0].options()).mul_(2.0 * static_cast<double>(io.samples()) / io.divisor);
  }

 private:
  static int64_t features(const LossIO& io) { return io.outputs[0].numel() / std::max<int64_t>(io.samples(), 1); }
  static std::vector<int64_t> columns_shape(const Tensor& f, int64_t count) {
    auto shape = f.sizes().vec();
    shape.insert(shape.begin(), count);
    return shape;
  }
  static void check_shapes(const LossIO& io) {
    if (io.outputs.size() == 1 && io.outputs[0].sizes() == io.targets[0].sizes()) return;
    std::ostringstream found;
    found << "outputs " << io.outputs[0].sizes() << ", targets " << io.targets[0].sizes();
    throw ComputeError("MSELoss", found.str(), "equal shapes [N, *out]");
  }
};

}  // namespace

std::shared_ptr<LossRule> mean_squared_error(LossReduction reduction) {
  return std::make_shared<MeanSquaredError>(reduction);
}

}  // namespace backobs
