// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

#include <ATen/ATen.h>

namespace {
using namespace backobs;

/// H vec_k for each of K vectors, H the Hessian block of the parameter: the Gauss-Newton block and what the curved layers
/// add. [K, *p]; carries the loss reduction. Where the vectors come from: backobs/product.h.
/// Source: Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 1994.
class Hmp final : public Extension {
 public:
  static Schema schema() { return ProductVectors::schema(); }
  explicit Hmp(const Options& options) : vectors_(options) {}
  std::vector<Need> needs() const override {
    return {{Need::What::product, SignalKey::sqrt_ggn_exact(), vectors_.name()},
            {Need::What::product, SignalKey::hessian_residuals(), vectors_.name()}};
  }
  void prepare(const ProblemInfo& problem) override { vectors_.prepare(problem); }
  void begin_pass(const PassInfo& pass) override { pass_ = pass; }
  Tensor vectors(const ParameterInfo& parameter, const std::string&) override { return vectors_.of(parameter, pass_); }
  void visit(const ParameterVisit& p, Results& results) override {
    results.put(p, p.product(SignalKey::sqrt_ggn_exact(), vectors_.name()) +
                       p.product(SignalKey::hessian_residuals(), vectors_.name()));
  }

 private:
  ProductVectors vectors_;
  PassInfo pass_;
};

}  // namespace

BACKOBS_EXTENSION(Hmp, "Products of the Hessian block with vectors", "HMP")
