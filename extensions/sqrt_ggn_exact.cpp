// SPDX-License-Identifier: MIT
#include <backobs/per_sample.h>
#include <backobs/plugin.h>
#include <backobs/subsampling.h>

namespace {
using namespace backobs;

/// A[v,n] = J_n^T S[v,n] with sum_v S[v,n] S[v,n]^T = H_n: square roots of the Gauss-Newton block of each sample,
/// sum_v A[v,n] A[v,n]^T = J_n^T H_n J_n, also across parameters. [V, N, *p], or [V, B, *p] for the B samples of
/// `subsampling`; carries the square root of the loss reduction with the full N. The root is not unique: compare A A^T.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class SqrtGgnExact final : public Extension, public PerColumn {
 public:
  static Schema schema() { return Subsampling::schema(); }
  explicit SqrtGgnExact(const Options& options) : subsampling_(options) {}
  std::vector<Need> needs() const override { return {{Need::What::columns, SignalKey::sqrt_ggn_exact()}}; }
  bool treats_samples_alone() const override { return subsampling_.is_all(); }
  void begin_pass(const PassInfo& pass) override { subsampling_.check(pass.batch_size); }
  void visit(const ParameterVisit& p, Results& results) override {
    results.put(p, subsampling_.of(p.columns(SignalKey::sqrt_ggn_exact()), 1));
  }

 private:
  Subsampling subsampling_;
};

}  // namespace

BACKOBS_EXTENSION(SqrtGgnExact, "Square root of the generalised Gauss-Newton matrix of each sample, exact", "SqrtGGNExact")
