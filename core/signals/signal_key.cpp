// SPDX-License-Identifier: MIT
#include <backobs/signal.h>

namespace backobs {

std::string SignalKey::to_string() const {
  switch (kind) {
    case Kind::gradient: return "gradient";
    case Kind::sqrt_ggn_exact: return "sqrt_ggn_exact";
    case Kind::sqrt_ggn_mc:
      return "sqrt_ggn_mc(samples=" + std::to_string(samples) + ", stream=" + std::to_string(stream) + ")";
    case Kind::averaged_curvature: return "averaged_curvature";
    case Kind::hessian_residuals: return "hessian_residuals";
  }
  return {};
}

std::string Need::to_string() const {
  static const char* const names[] = {"columns",       "sum",      "sum_squares",  "sample_squares",
                                      "squared_norms", "variance", "input_factor", "output_factor",
                                      "product",       "block"};
  static const char* const of_signs[] = {"", ", positive part", ", absolute values"};
  return std::string(names[static_cast<int>(what)]) + " of " + signal.to_string() +
         (vectors.empty() ? "" : " with vectors " + vectors) + of_signs[static_cast<int>(signs)];
}

}  // namespace backobs
