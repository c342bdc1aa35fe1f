// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// g_n, the gradient of the contribution l_n of sample n. [N, *p]; carries the loss reduction, so sum_n g_n = grad.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class GradBatch final : public Extension {
 public:
  explicit GradBatch(const Options&) {}
  std::vector<Need> needs() const override { return {{Need::What::columns, SignalKey::gradient()}}; }
  void visit(const ParameterVisit& p, Results& results) override { results.put(p, p.columns(SignalKey::gradient()).squeeze(0)); }
};

}  // namespace

BACKOBS_EXTENSION(GradBatch, "Individual gradients of each sample", "BatchGrad")
