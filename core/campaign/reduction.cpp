// SPDX-License-Identifier: MIT
#include "campaign/reduction.h"

#include <backobs/error.h>

#include <ATen/ATen.h>

#include <algorithm>
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

/// Of nothing, mean, max_abs, min and max are NaN: a part without entries changes nothing.
double sums(double a, double, double b, double) { return a + b; }
double means(double a, double n_a, double b, double n_b) {
  if (n_a == 0 || n_b == 0) return n_a == 0 ? b : a;
  return (n_a * a + n_b * b) / (n_a + n_b);
}
double norms(double a, double, double b, double) {  // of NaN and infinity std::hypot makes infinity
  return std::isnan(a) || std::isnan(b) ? kNothing : std::hypot(a, b);
}
double larger(double a, double n_a, double b, double n_b) {
  if (n_a == 0 || n_b == 0) return n_a == 0 ? b : a;
  return std::isnan(a) || std::isnan(b) ? kNothing : std::max(a, b);
}
double smaller(double a, double n_a, double b, double n_b) { return -larger(-a, n_a, -b, n_b); }

struct Entry {
  std::string name;
  Reduction reduce;
  Joined joined;
};

const std::vector<Entry>& table() {
  static const std::vector<Entry> entries = {
      {"mean", mean_of, means},     {"sum", sum_of, sums},  {"norm", norm_of, norms},  {"max_abs", max_abs_of, larger},
      {"std", std_of, nullptr},     {"min", min_of, smaller}, {"max", max_of, larger}, {"trace", trace_of, nullptr}};
  return entries;
}

const Entry& entry_named(const std::string& name) {
  for (const auto& entry : table())
    if (entry.name == name) return entry;
  throw ConfigError("record", "reduction `" + name + "`", "a known reduction", nearest_name(name, reduction_names()));
}

}  // namespace

const std::vector<std::string>& reduction_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& entry : table()) all.push_back(entry.name);
    return all;
  }();
  return names;
}

std::vector<std::string> record_names() {
  std::vector<std::string> names = reduction_names();
  names.push_back("histogram");
  return names;
}

Reduction reduction_named(const std::string& name) { return entry_named(name).reduce; }
Joined joined_by(const std::string& name) { return entry_named(name).joined; }

}  // namespace backobs
