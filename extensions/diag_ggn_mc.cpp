// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// An unbiased estimate of diag_ggn_exact from mc_samples draws of the model's own targets per sample. [*p]; carries
/// the loss reduction. Draws are shared with every quantity of the same mc_samples and stream.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class DiagGgnMc final : public Extension {
 public:
  static Schema schema() {
    return {Option::integer("mc_samples", 1, "draws per sample").at_least(1),
            Option::integer("stream", 0, "equal streams share draws, others are independent").at_least(0)};
  }
  explicit DiagGgnMc(const Options& options)
      : key_(SignalKey::sqrt_ggn_mc(options.integer("mc_samples"), options.integer("stream"))) {}
  std::vector<Need> needs() const override { return {{Need::What::sum_squares, key_}}; }
  void visit(const ParameterVisit& p, Results& results) override { results.put(p, p.sum_squares(key_)); }

 private:
  SignalKey key_;
};

}  // namespace

BACKOBS_EXTENSION(DiagGgnMc, "Diagonal of the generalised Gauss-Newton matrix, Monte Carlo", "DiagGGNMC")
