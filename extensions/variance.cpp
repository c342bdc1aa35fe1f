// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// (1/N) sum_n g_n^2 - ((1/N) sum_n g_n)^2, entry by entry, the biased variance. [*p]; carries the square of the
/// loss reduction. Never negative; in double precision where a large mean would drown it.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class Variance final : public Extension {
 public:
  explicit Variance(const Options&) {}
  std::vector<Need> needs() const override { return {{Need::What::variance, SignalKey::gradient()}}; }
  void visit(const ParameterVisit& p, Results& results) override { results.put(p, p.variance(SignalKey::gradient())); }
};

}  // namespace

BACKOBS_EXTENSION(Variance, "Variance of the individual gradients", "Variance")
