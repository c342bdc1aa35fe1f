// SPDX-License-Identifier: MIT
#include <backobs/per_sample.h>
#include <backobs/plugin.h>

#include <ATen/ATen.h>

namespace {
using namespace backobs;

/// diag(Hessian of l_n in the parameter), the summand of diag_h that belongs to sample n. [N, *p]; carries the loss
/// reduction, so the sum over n is diag_h.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class DiagHBatch final : public Extension, public PerSample {
 public:
  explicit DiagHBatch(const Options&) {}
  std::vector<Need> needs() const override {
    return {{Need::What::sample_squares, SignalKey::sqrt_ggn_exact()},
            {Need::What::sample_squares, SignalKey::hessian_residuals()}};
  }
  void visit(const ParameterVisit& p, Results& results) override {
    results.put(p, p.sample_squares(SignalKey::sqrt_ggn_exact()) + p.sample_squares(SignalKey::hessian_residuals()));
  }
};

}  // namespace

BACKOBS_EXTENSION(DiagHBatch, "Diagonal of the Hessian of each sample", "BatchDiagHessian")
