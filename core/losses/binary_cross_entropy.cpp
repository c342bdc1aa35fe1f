// SPDX-License-Identifier: MIT
#include "losses/diagonal_hessian.h"
#include "losses/shapes.h"

#include <backobs/error.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace backobs {
namespace {

void refuse_negative(const std::vector<double>& weights, const char* name) {
  if (std::any_of(weights.begin(), weights.end(), [](double w) { return !(w >= 0); }))
    throw ComputeError("BCEWithLogitsLoss", std::string("a negative ") + name, "weights >= 0");
}

/// saved = {q, omega}, the coefficients of -log s and of both classes, [n, *out].
class BinaryCrossEntropy final : public DiagonalHessianLoss {
 public:
  explicit BinaryCrossEntropy(const BinaryCrossEntropyOptions& options)
      : DiagonalHessianLoss(options.reduction), options_(options) {
    refuse_negative(options.weight, "weight");
    refuse_negative(options.pos_weight, "pos_weight");
  }

  std::string type() const override { return "BCEWithLogitsLoss"; }
  double divisor(const LossIO& io) const override {
    if (reduction() == LossReduction::sum) return 1;
    return static_cast<double>(io.batch_size * features(io.outputs[0]));
  }
  Tensor contributions(LossIO& io) const override {
    check(io);
    const auto &f = io.outputs[0], &y = io.targets[0];
    auto q = y, rest = 1 - y;
    if (!options_.pos_weight.empty()) q = q * of_sample(options_.pos_weight, f);
    if (!options_.weight.empty()) {
      const auto weight = of_sample(options_.weight, f);
      q = q * weight;
      rest = rest * weight;
    }
    io.saved = {q, q + rest};
    const auto l = q * at::log_sigmoid(f) + rest * at::log_sigmoid(-f);
    return l.reshape({l.size(0), -1}).sum(1) / -io.divisor;
  }
  /// omega s - q, written without the difference of nearly equal numbers.
  TensorList gradient(const LossIO& io) const override {
    const auto &f = io.outputs[0], &q = io.saved[0];
    return {((io.saved[1] - q) * at::sigmoid(f) - q * at::sigmoid(-f)).div_(io.divisor)};
  }
  TensorList sampled_sqrt_hessian(const LossIO& io, int64_t draws, at::Generator generator) const override {
    const auto s = at::sigmoid(io.outputs[0]);
    const auto uniform = at::rand(columns_shape(s, draws), generator, at::kDouble).to(s.device());
    const auto label = uniform.lt(s.to(at::kDouble)).to(s.scalar_type());
    return {(s - label) * (io.saved[1] / (static_cast<double>(draws) * io.divisor)).sqrt()};
  }

  bool has_accuracy() const override { return true; }
  Tensor hits(const LossIO& io) const override {
    const auto hit = io.outputs[0].gt(0).eq(io.targets[0].gt(0.5));
    return hit.reshape({hit.size(0), -1}).to(at::kDouble).mean(1);
  }

 private:
  TensorList roots(const LossIO& io) const override {
    const auto& f = io.outputs[0];
    return {(io.saved[1] * at::sigmoid(f) * at::sigmoid(-f)).div_(io.divisor).sqrt_()};
  }
  /// One value per entry of a sample, or one for all, in a shape that broadcasts over samples.
  static Tensor of_sample(const std::vector<double>& values, const Tensor& f) {
    const auto tensor = at::tensor(values, at::kDouble).to(f.options());
    if (values.size() == 1) return tensor;
    if (static_cast<int64_t>(values.size()) == features(f)) return tensor.reshape(f.sizes().slice(1));
    throw ComputeError("BCEWithLogitsLoss", std::to_string(values.size()) + " weights for outputs " + shapes_of({f}),
                       "one, or one for each entry of a sample");
  }
  static void check(const LossIO& io) {
    const bool shapes = io.outputs.size() == 1 && io.targets.size() == 1 && io.outputs[0].sizes() == io.targets[0].sizes();
    if (!shapes || !io.targets[0].is_floating_point())
      throw ComputeError("BCEWithLogitsLoss", "outputs " + shapes_of(io.outputs) + " and targets " + shapes_of(io.targets),
                         "one of each, of equal shape [N, *out] and floating point");
    const auto& y = io.targets[0];
    if (y.lt(0).logical_or(y.gt(1)).any().item<bool>())
      throw ComputeError("BCEWithLogitsLoss", "a target outside [0, 1]", "probabilities");
  }

  BinaryCrossEntropyOptions options_;
};

}  // namespace

std::shared_ptr<LossRule> binary_cross_entropy(const BinaryCrossEntropyOptions& options) {
  return std::make_shared<BinaryCrossEntropy>(options);
}

}  // namespace backobs
