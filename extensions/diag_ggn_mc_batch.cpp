// SPDX-License-Identifier: MIT
#include <backobs/per_sample.h>
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// An unbiased estimate of diag_ggn_exact_batch from mc_samples draws of the model's own targets per sample. [N, *p];
/// carries the loss reduction. Its sum over n is diag_ggn_mc of the same mc_samples and stream, draw for draw.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class DiagGgnMcBatch final : public Extension, public PerSample {
 public:
  static Schema schema() {
    return {Option::integer("mc_samples", 1, "draws per sample").at_least(1),
            Option::integer("stream", 0, "equal streams share draws, others are independent").at_least(0)};
  }
  explicit DiagGgnMcBatch(const Options& options)
      : key_(SignalKey::sqrt_ggn_mc(options.integer("mc_samples"), options.integer("stream"))) {}
  std::vector<Need> needs() const override { return {{Need::What::sample_squares, key_}}; }
  void visit(const ParameterVisit& p, Results& results) override { results.put(p, p.sample_squares(key_)); }

 private:
  SignalKey key_;
};

}  // namespace

BACKOBS_EXTENSION(DiagGgnMcBatch, "Diagonal of the generalised Gauss-Newton matrix of each sample, Monte Carlo",
                  "BatchDiagGGNMC")
