// SPDX-License-Identifier: MIT
#include "layers/activation.h"

namespace backobs {
namespace {

constexpr double kInverseRoot2 = 0.70710678118654752440;       // 1 / sqrt(2)
constexpr double kInverseRoot2Pi = 0.39894228040143267794;     // 1 / sqrt(2 pi)
constexpr double kRoot2OverPi = 0.79788456080286535588;        // sqrt(2 / pi)
constexpr double kCubic = 0.044715;

/// y = x P(x) with P the normal distribution function and p its density: f' = P + x p, f'' = p (2 - x^2).
/// With approximate = "tanh", y = x (1 + t)/2, t = tanh u, u = sqrt(2/pi) (x + 0.044715 x^3):
///     f' = (1 + t)/2 + x t'/2,   f'' = t' + x t''/2,   t' = (1 - t^2) u',   t'' = (1 - t^2) (u'' - 2 t u'^2).
/// Source: Hendrycks and Gimpel, Gaussian Error Linear Units, 2016.
class GeluRule final : public ActivationRule<torch::nn::GELUImpl> {
 public:
  using ActivationRule::ActivationRule;
  std::string type() const override { return "GELU"; }
  Tensor forward(const TensorList& inputs, const ForwardContext&, TensorList&) const override {
    return at::gelu(inputs[0], options().approximate());
  }
  bool reads_output() const override { return false; }

  Tensor df(const LayerIO& io) const override {
    const auto& x = io.inputs[0];
    if (!approximate()) return 0.5 * at::erfc(-kInverseRoot2 * x) + x * density(x);
    const auto t = at::tanh(inner(x));
    return 0.5 * (1 + t + x * (1 - t.square()) * inner_slope(x));
  }
  Tensor d2f(const LayerIO& io) const override {
    const auto& x = io.inputs[0];
    if (!approximate()) return density(x) * (2 - x.square());
    const auto t = at::tanh(inner(x)), slope = inner_slope(x);
    const auto curvature = kRoot2OverPi * 6 * kCubic * x;
    return (1 - t.square()) * (slope + 0.5 * x * (curvature - 2 * t * slope.square()));
  }

 private:
  bool approximate() const { return options().approximate() == "tanh"; }
  static Tensor density(const Tensor& x) { return kInverseRoot2Pi * at::exp(-0.5 * x.square()); }
  static Tensor inner(const Tensor& x) { return kRoot2OverPi * (x + kCubic * x.pow(3)); }
  static Tensor inner_slope(const Tensor& x) { return kRoot2OverPi * (1 + 3 * kCubic * x.square()); }
};

}  // namespace

void register_gelu(RuleTable& table) { table.add<torch::nn::GELUImpl, GeluRule>(); }

}  // namespace backobs
