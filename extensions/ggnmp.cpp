// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

namespace {
using namespace backobs;

/// G vec_k for each of K vectors, G = sum_n J_n^T H_n J_n the Gauss-Newton block of the parameter. [K, *p]; carries the
/// loss reduction. Where the vectors come from: backobs/product.h.
/// Source: Schraudolph, "Fast curvature matrix-vector products", Neural Computation 2002.
class Ggnmp final : public Extension {
 public:
  static Schema schema() { return ProductVectors::schema(); }
  explicit Ggnmp(const Options& options) : vectors_(options) {}
  std::vector<Need> needs() const override {
    return {{Need::What::product, SignalKey::sqrt_ggn_exact(), vectors_.name()}};
  }
  void prepare(const ProblemInfo& problem) override { vectors_.prepare(problem); }
  void begin_pass(const PassInfo& pass) override { pass_ = pass; }
  Tensor vectors(const ParameterInfo& parameter, const std::string&) override { return vectors_.of(parameter, pass_); }
  void visit(const ParameterVisit& p, Results& results) override {
    results.put(p, p.product(SignalKey::sqrt_ggn_exact(), vectors_.name()));
  }

 private:
  ProductVectors vectors_;
  PassInfo pass_;
};

}  // namespace

BACKOBS_EXTENSION(Ggnmp, "Products of the generalised Gauss-Newton block with vectors", "GGNMP")
