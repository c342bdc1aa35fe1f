// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// sum_n g_n^2, entry by entry. [*p]; carries the square of the loss reduction and is not divided by N.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class SumGradSquared final : public Extension {
 public:
  explicit SumGradSquared(const Options&) {}
  std::vector<Need> needs() const override { return {{Need::What::sum_squares, SignalKey::gradient()}}; }
  void visit(const ParameterVisit& p, Results& results) override { results.put(p, p.sum_squares(SignalKey::gradient())); }
};

}  // namespace

BACKOBS_EXTENSION(SumGradSquared, "Sum of squared individual gradients", "SumGradSquared")
