// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/initialise.h>

#include <ATen/ATen.h>

#include <cmath>

namespace backobs::initialise {

namespace {

/// Doubles, not yet set, in the parameter's shape: every draw is made in double precision on the CPU, so that
/// initial values agree between dtypes and devices up to rounding.
Tensor doubles_like(const Parameter& parameter) { return at::empty(parameter.value.sizes(), at::kDouble); }

at::Generator generator_for(const Parameter& parameter, const Random& random) {
  return random.generator(Draw::initialisation, parameter.name);
}

void assign(const Parameter& parameter, const Tensor& value) {
  const at::NoGradGuard no_grad;
  Tensor(parameter.value).copy_(value);
}

/// fan_in + fan_out of a weight [out, in, *kernel]; the order of the two does not matter for the sum.
double fans(const Parameter& parameter) {
  const auto shape = parameter.value.sizes();
  if (shape.size() < 2)
    throw ComputeError("parameter `" + parameter.name + "`", std::to_string(shape.size()) + " dimensions",
                       "at least 2, which fans need");
  const int64_t kernel = parameter.value.numel() / (shape[0] * shape[1]);
  return static_cast<double>((shape[0] + shape[1]) * kernel);
}

}  // namespace

void constant(const Network& net, const std::string& parameter, double value) {
  const at::NoGradGuard no_grad;
  Tensor(net.parameter(parameter).value).fill_(value);
}

void truncated_normal(const Network& net, const std::string& parameter, double std, const Random& random) {
  const auto& target = net.parameter(parameter);
  // Inverse of the distribution function: if u is uniform between -erf(sqrt 2) and erf(sqrt 2), sqrt(2) erfinv(u) is
  // normal between -2 and 2.
  const double root = std::sqrt(2.0), edge = std::erf(root);
  Tensor draw = doubles_like(target).uniform_(-edge, edge, generator_for(target, random));
  assign(target, draw.erfinv_().mul_(root * std).clamp_(-2 * std, 2 * std));
}

void xavier_uniform(const Network& net, const std::string& parameter, const Random& random) {
  const auto& target = net.parameter(parameter);
  const double bound = std::sqrt(6.0 / fans(target));
  assign(target, doubles_like(target).uniform_(-bound, bound, generator_for(target, random)));
}

void xavier_normal(const Network& net, const std::string& parameter, const Random& random) {
  const auto& target = net.parameter(parameter);
  assign(target, doubles_like(target).normal_(0, std::sqrt(2.0 / fans(target)), generator_for(target, random)));
}

}  // namespace backobs::initialise
