// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// |g_n|^2, the squared Euclidean norm of the individual gradient over one parameter's entries. [N]; carries the
/// square of the loss reduction.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class BatchL2 final : public Extension {
 public:
  explicit BatchL2(const Options&) {}
  std::vector<Need> needs() const override { return {{Need::What::squared_norms, SignalKey::gradient()}}; }
  void visit(const ParameterVisit& p, Results& results) override { results.put(p, p.squared_norms(SignalKey::gradient()).squeeze(0)); }
};

}  // namespace

BACKOBS_EXTENSION(BatchL2, "Squared norm of each individual gradient", "BatchL2Grad")
