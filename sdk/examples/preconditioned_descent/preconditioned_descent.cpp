// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/plugin.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace {
using namespace backobs;

/// w <- w - lr (C + damping I)^-1 g with C a block of the Gauss-Newton matrix per parameter, as the extension named by
/// `curvature` gives it for this mini-batch. A diagonal divides entry by entry. For Kronecker factors C = A (x) B of a
/// weight, seen as a matrix [rows of A, rows of B], the damping is split between them (Martens and Grosse, section 6.3):
///
///     (A + pi d I)^-1 G (B + d/pi I)^-1,   d = sqrt(damping),   pi = sqrt((tr A / dim A) / (tr B / dim B))
///
/// A weight penalty is part of the diagonals, but of no Kronecker factor: there its strength belongs into `damping`.
/// Source: Dangel, Kunstner, Hennig, "BackPACK: Packing more into backprop", ICLR 2020, section 4 and appendix C.3.
class PreconditionedDescent final : public Runner {
 public:
  static Schema schema() {
    return {Option::real("lr", "learning rate").greater_than(0),
            Option::real("damping", "added to the curvature's eigenvalues").greater_than(0),
            Option::text("curvature", "diag_ggn_mc", "extension that gives it")
                .one_of({"diag_ggn_exact", "diag_ggn_mc", "kfac", "kflr"})};
  }
  explicit PreconditionedDescent(const Options& options)
      : base_rate_(options.real("lr")), damping_(options.real("damping")), curvature_(options.text("curvature")) {}

  std::string optimizer_name() const override { return "PreconditionedDescent"; }
  std::vector<Want> wants() const override { return {{curvature_, {}}}; }
  void prepare(const std::vector<Parameter>& parameters) override {
    for (const auto& parameter : parameters)
      if (parameter.trainable()) parameters_.push_back({parameter.name, parameter.value});
  }

  double step(Step& step) override {
    const double loss = step.evaluate_with_gradient();
    const at::NoGradGuard no_graph;
    for (auto& [name, w] : parameters_) w.sub_(direction(name, w.grad(), step.result(curvature_, name)), rate());
    return loss;
  }

  void set_rate_factor(double factor) override { factor_ = factor; }
  double rate() const override { return base_rate_ * factor_; }
  void save_state(State& state) const override { state.put("factor", factor_); }
  void load_state(const State& state) override { factor_ = state.real("factor"); }

 private:
  /// (C + damping I)^-1 g, [*p].
  Tensor direction(const std::string& name, const Tensor& g, const std::vector<Tensor>& c) const {
    if (curvature_ == "diag_ggn_exact" || curvature_ == "diag_ggn_mc") return g / (c.front() + damping_);
    if (c.size() == 1) return solve(c[0], damping_, matrix(name, g, c[0].size(0), 1)).reshape(g.sizes());
    const auto mean = [](const Tensor& factor) { return at::trace(factor).item<double>() / factor.size(0); };
    const double d = std::sqrt(damping_), ratio = std::sqrt(mean(c[0]) / mean(c[1]));
    const double pi = std::isfinite(ratio) && ratio > 0 ? ratio : 1;
    const auto left = solve(c[0], pi * d, matrix(name, g, c[0].size(0), c[1].size(0)));
    return solve(c[1], d / pi, left.t()).t().reshape(g.sizes());
  }

  /// (factor + shift I)^-1 right, by Cholesky.
  static Tensor solve(const Tensor& factor, double shift, const Tensor& right) {
    const auto shifted = factor + shift * at::eye(factor.size(0), factor.options());
    return at::cholesky_solve(right, at::linalg_cholesky(shifted));
  }

  static Tensor matrix(const std::string& name, const Tensor& g, int64_t rows, int64_t columns) {
    if (g.size(0) == rows && g.numel() == rows * columns) return g.reshape({rows, columns});
    throw ComputeError("runner `preconditioned_descent` at " + name,
                       "Kronecker factors of " + std::to_string(rows) + " and " + std::to_string(columns) + " rows",
                       "a layer without groups whose weight has its outputs first");
  }

  const double base_rate_, damping_;
  const std::string curvature_;
  double factor_ = 1;
  std::vector<NamedTensor> parameters_;
};
}  // namespace

BACKOBS_RUNNER(PreconditionedDescent, "Damped steps with a diagonal or Kronecker-factored Gauss-Newton matrix")
