// SPDX-License-Identifier: MIT
#include <backobs/plugin.h>

#include <ATen/ATen.h>

namespace {
using namespace backobs;

/// C vec_k for each of K vectors, C the positive-curvature Hessian block of the parameter: the Gauss-Newton block and what
/// the curved layers add, each layer's residual with its eigenvalues clipped at zero (`modify: clip`) or replaced by their
/// absolute values (`abs`). For y = f(x) entry by entry the eigenvalues are f''(x_n) g_n. [K, *p]; carries the loss
/// reduction. Where the vectors come from: backobs/product.h.
/// Source: Dangel, Harmeling, Hennig, "Modular block-diagonal curvature approximations for feedforward architectures",
/// AISTATS 2020.
class Pchmp final : public Extension {
 public:
  static Schema schema() {
    return Schema{Option::text("modify", "clip", "negative eigenvalues of the residuals: clip at zero, or abs")
                      .one_of({"clip", "abs"})}
        .joined(ProductVectors::schema());
  }
  explicit Pchmp(const Options& options) : vectors_(options),
        signs_(options.text("modify") == "clip" ? Signs::positive : Signs::absolute) {}
  std::vector<Need> needs() const override {
    return {{Need::What::product, SignalKey::sqrt_ggn_exact(), vectors_.name()},
            {Need::What::product, SignalKey::hessian_residuals(), vectors_.name(), signs_}};
  }
  void prepare(const ProblemInfo& problem) override { vectors_.prepare(problem); }
  void begin_pass(const PassInfo& pass) override { pass_ = pass; }
  Tensor vectors(const ParameterInfo& parameter, const std::string&) override { return vectors_.of(parameter, pass_); }
  void visit(const ParameterVisit& p, Results& results) override {
    results.put(p, p.product(SignalKey::sqrt_ggn_exact(), vectors_.name()) +
                       p.product(SignalKey::hessian_residuals(), vectors_.name(), signs_));
  }

 private:
  ProductVectors vectors_;
  PassInfo pass_;
  Signs signs_;
};

}  // namespace

BACKOBS_EXTENSION(Pchmp, "Products of the positive-curvature Hessian block with vectors", "PCHMP")
