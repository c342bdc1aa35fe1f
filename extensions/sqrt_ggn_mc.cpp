// SPDX-License-Identifier: MIT
#include <backobs/per_sample.h>
#include <backobs/plugin.h>
#include <backobs/subsampling.h>

namespace {
using namespace backobs;

/// A[m,n] = J_n^T S[m,n] from mc_samples draws of the model's own targets, E[sum_m A A^T] = J_n^T H_n J_n. [M, N, *p], or
/// [M, B, *p] for the B samples of `subsampling`, whose draws are those of the whole batch; carries the square root of
/// the loss reduction with the full N.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020.
class SqrtGgnMc final : public Extension, public PerColumn {
 public:
  static Schema schema() {
    return Schema{Option::integer("mc_samples", 1, "draws per sample").at_least(1),
            Option::integer("stream", 0, "equal streams share draws, others are independent").at_least(0)}
        .joined(Subsampling::schema());
  }
  explicit SqrtGgnMc(const Options& options)
      : key_(SignalKey::sqrt_ggn_mc(options.integer("mc_samples"), options.integer("stream"))), subsampling_(options) {}
  std::vector<Need> needs() const override { return {{Need::What::columns, key_}}; }
  bool treats_samples_alone() const override { return subsampling_.is_all(); }
  void begin_pass(const PassInfo& pass) override { subsampling_.check(pass.batch_size); }
  void visit(const ParameterVisit& p, Results& results) override { results.put(p, subsampling_.of(p.columns(key_), 1)); }

 private:
  SignalKey key_;
  Subsampling subsampling_;
};

}  // namespace

BACKOBS_EXTENSION(SqrtGgnMc, "Square root of the generalised Gauss-Newton matrix of each sample, Monte Carlo", "SqrtGGNMC")
