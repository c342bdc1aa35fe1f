// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

#include <ATen/ATen.h>

namespace {
using namespace backobs;

/// Gradient diversity: sum_n |g_n|^2 / |sum_n g_n|^2. Result per parameter: [], free of scale; 1/N if all individual
/// gradients g_n are equal, 1 if they are orthogonal, more if they cancel.
/// Source: Yin et al., "Gradient diversity: a key ingredient for scalable distributed learning", AISTATS 2018.
class @Class@ final : public Extension {
 public:
  static Schema schema() {
    return {Option::real("floor", 0, "smallest squared norm of the gradient that is divided by").at_least(0)};
  }
  explicit @Class@(const Options& options) : floor_(options.real("floor")) {}

  std::vector<Need> needs() const override { return {{Need::What::squared_norms, SignalKey::gradient()}}; }
  void visit(const ParameterVisit& parameter, Results& results) override {
    const auto sum_of_squares = parameter.squared_norms(SignalKey::gradient()).sum();
    const auto square_of_sum = parameter.grad().square().sum().clamp_min(floor_);
    results.put(parameter, sum_of_squares / square_of_sum);
  }

 private:
  const double floor_;
};
}  // namespace

BACKOBS_EXTENSION(@Class@, "Gradient diversity: sum of squared norms over squared norm of the sum", "")
