// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// A weight gets [A, B] with A (x) B close to its Gauss-Newton block (row-major), a bias or a scale [A]; an embedding
/// [A, d] with A (x) diag(d) that of its transpose.
/// B = (1/N) sum_n X_n X_n^T, [K, K], whatever the loss reduction; shared positions are summed.
/// A = sum_{v,n} s s^T, [C, C], s the exact square root at the layer's output with positions summed; carries the loss
/// reduction. A is the exact Gauss-Newton block of the bias.
/// Source: Botev, Ritter, Barber, ICML 2017; scale as in Dangel, Kunstner, Hennig, ICLR 2020.
class Kflr final : public Extension {
 public:
  explicit Kflr(const Options&) {}
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
  const SignalKey key_ = SignalKey::sqrt_ggn_exact();
};

}  // namespace

BACKOBS_EXTENSION(Kflr, "Kronecker factors of the Gauss-Newton matrix, exact (KFLR)", "KFLR")
