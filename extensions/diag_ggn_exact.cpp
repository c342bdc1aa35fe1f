// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// diag(sum_n J_n^T H_n J_n), J_n the Jacobian of sample n's output in the parameter, H_n the Hessian of l_n in the
/// output. [*p]; carries the loss reduction.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class DiagGgnExact final : public Extension {
 public:
  explicit DiagGgnExact(const Options&) {}
  std::vector<Need> needs() const override { return {{Need::What::sum_squares, SignalKey::sqrt_ggn_exact()}}; }
  void visit(const ParameterVisit& p, Results& results) override { results.put(p, p.sum_squares(SignalKey::sqrt_ggn_exact())); }
};

}  // namespace

BACKOBS_EXTENSION(DiagGgnExact, "Diagonal of the generalised Gauss-Newton matrix, exact", "DiagGGNExact")
