// SPDX-License-Identifier: MIT
#include <backobs/per_sample.h>
#include <backobs/plugin.h>
#include <backobs/subsampling.h>

namespace {
using namespace backobs;

/// g_n, the gradient of the contribution l_n of sample n. [N, *p], or [B, *p] for the B samples of `subsampling`;
/// carries the loss reduction with the full N, so sum_n g_n = grad.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class GradBatch final : public Extension, public PerSample {
 public:
  static Schema schema() { return Subsampling::schema(); }
  explicit GradBatch(const Options& options) : subsampling_(options) {}
  std::vector<Need> needs() const override { return {{Need::What::columns, SignalKey::gradient()}}; }
  bool treats_samples_alone() const override { return subsampling_.is_all(); }
  void begin_pass(const PassInfo& pass) override { subsampling_.check(pass.batch_size); }
  void visit(const ParameterVisit& p, Results& results) override {
    results.put(p, subsampling_.of(p.columns(SignalKey::gradient()).squeeze(0), 0));
  }

 private:
  Subsampling subsampling_;
};

}  // namespace

BACKOBS_EXTENSION(GradBatch, "Individual gradients of each sample", "BatchGrad")
