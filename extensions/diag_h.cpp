// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

#include <ATen/ATen.h>

namespace {
using namespace backobs;

/// diag(sum_n Hessian of l_n in the parameter). [*p]; carries the loss reduction. It is the Gauss-Newton diagonal plus
/// what the curved layers add, and equals diag_ggn_exact on piecewise linear networks at no extra cost.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class DiagH final : public Extension {
 public:
  explicit DiagH(const Options&) {}
  std::vector<Need> needs() const override {
    return {{Need::What::sum_squares, SignalKey::sqrt_ggn_exact()}, {Need::What::sum_squares, SignalKey::hessian_residuals()}};
  }
  void visit(const ParameterVisit& p, Results& results) override {
    results.put(p, p.sum_squares(SignalKey::sqrt_ggn_exact()) + p.sum_squares(SignalKey::hessian_residuals()));
  }
};

}  // namespace

BACKOBS_EXTENSION(DiagH, "Diagonal of the Hessian", "DiagHessian")
