// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// A weight gets [A, B] with A (x) B close to its Gauss-Newton block (row-major), a bias or a scale [A]; an embedding
/// [A, d] with A (x) diag(d) that of its transpose.
/// B = (1/N) sum_n X_n X_n^T, [K, K], whatever the loss reduction; shared positions are summed.
/// A = sum_{m,n} s s^T, [C, C], s the drawn square root at the layer's output with positions summed; carries the loss
/// reduction. E[A] is kflr's A.
/// Source: Martens and Grosse, ICML 2015; scale as in Dangel, Kunstner, Hennig, ICLR 2020.
class Kfac final : public Extension {
 public:
  static Schema schema() {
    return {Option::integer("mc_samples", 1, "draws per sample").at_least(1),
            Option::integer("stream", 0, "equal streams share draws, others are independent").at_least(0)};
  }
  explicit Kfac(const Options& options)
      : key_(SignalKey::sqrt_ggn_mc(options.integer("mc_samples"), options.integer("stream"))) {}
  std::vector<Need> needs() const override {
    return {{Need::What::output_factor, key_}, {Need::What::input_factor, SignalKey::gradient()}};
  }
  void visit(const ParameterVisit& p, Results& results) override {
    if (has_input_factor(p.info().form))
      results.put(p, TensorList{p.output_factor(key_), p.input_factor()});
    else
      results.put(p, TensorList{p.output_factor(key_)});
  }

 private:
  SignalKey key_;
};

}  // namespace

BACKOBS_EXTENSION(Kfac, "Kronecker factors of the Gauss-Newton matrix, Monte Carlo (KFAC)", "KFAC")
