// SPDX-License-Identifier: MIT
#include <backobs/per_sample.h>
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// diag(J_n^T H_n J_n), the summand of diag_ggn_exact that belongs to sample n. [N, *p]; carries the loss reduction, so
/// the sum over n is diag_ggn_exact.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class DiagGgnExactBatch final : public Extension, public PerSample {
 public:
  explicit DiagGgnExactBatch(const Options&) {}
  std::vector<Need> needs() const override { return {{Need::What::sample_squares, SignalKey::sqrt_ggn_exact()}}; }
  void visit(const ParameterVisit& p, Results& results) override {
    results.put(p, p.sample_squares(SignalKey::sqrt_ggn_exact()));
  }
};

}  // namespace

BACKOBS_EXTENSION(DiagGgnExactBatch, "Diagonal of the generalised Gauss-Newton matrix of each sample, exact",
                  "BatchDiagGGNExact")
