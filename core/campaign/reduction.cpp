// SPDX-License-Identifier: MIT
#include "campaign/reduction.h"

#include <backobs/error.h>

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <utility>

namespace backobs {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

double sum_of(const Tensor& x) { return x.sum(at::kDouble).item<double>(); }
double mean_of(const Tensor& x) { return x.numel() ? sum_of(x) / static_cast<double>(x.numel()) : kNothing; }
double norm_of(const Tensor& x) {
  return at::linalg_vector_norm(x, 2, at::OptionalIntArrayRef(), false, at::kDouble).item<double>();
}
double min_of(const Tensor& x) { return x.numel() ? x.min().item<double>() : kNothing; }
double max_of(const Tensor& x) { return x.numel() ? x.max().item<double>() : kNothing; }
double max_abs_of(const Tensor& x) {
  if (!x.numel()) return kNothing;
  return at::linalg_vector_norm(x, std::numeric_limits<double>::infinity()).item<double>();
}
double std_of(const Tensor& x) {
  if (!x.numel()) return kNothing;
  return norm_of(x.to(at::kDouble) - mean_of(x)) / std::sqrt(static_cast<double>(x.numel()));
}
double trace_of(const Tensor& x) {
  if (x.dim() < 2 || x.size(-1) != x.size(-2)) {
    std::ostringstream shape;
    shape << x.sizes();
    throw ComputeError("record: trace", "shape " + shape.str(), "a square matrix, or blocks of them");
  }
  return sum_of(x.diagonal(0, -2, -1));
}

const std::vector<std::pair<std::string, Reduction>>& table() {
  static const std::vector<std::pair<std::string, Reduction>> entries = {
      {"mean", mean_of}, {"sum", sum_of}, {"norm", norm_of}, {"max_abs", max_abs_of},
      {"std", std_of},   {"min", min_of}, {"max", max_of},   {"trace", trace_of}};
  return entries;
}

}  // namespace

const std::vector<std::string>& reduction_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& entry : table()) all.push_back(entry.first);
    return all;
  }();
  return names;
}

std::vector<std::string> record_names() {
  std::vector<std::string> names = reduction_names();
  names.push_back("histogram");
  return names;
}

Reduction reduction_named(const std::string& name) {
  for (const auto& entry : table())
    if (entry.first == name) return entry.second;
  throw ConfigError("record", "reduction `" + name + "`", "a known reduction", nearest_name(name, reduction_names()));
}

}  // namespace backobs
