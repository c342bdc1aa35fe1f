// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// A weight gets [A, B] with A (x) B close to its Gauss-Newton block (row-major), a bias or a scale [A]; an embedding
/// [A, d] with A (x) diag(d) that of its transpose.
/// B = (1/N) sum_n X_n X_n^T, [K, K], whatever the loss reduction; shared positions are summed.
/// A, [C, C], is the curvature averaged over the batch at every layer, M <- (1/N) sum_n J_n^T M J_n from sum_n H_n,
/// with positions summed; carries the loss reduction.
/// Source: Botev, Ritter, Barber, ICML 2017; scale as in Dangel, Kunstner, Hennig, ICLR 2020.
class Kfra final : public Extension {
 public:
  explicit Kfra(const Options&) {}
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
  const SignalKey key_ = SignalKey::averaged_curvature();
};

}  // namespace

BACKOBS_EXTENSION(Kfra, "Kronecker factors from recursively averaged curvature (KFRA)", "KFRA")
