// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/loss.h>

#include <ATen/ATen.h>

#include <cmath>
#include <sstream>

namespace backobs {
namespace {

/// l_n = -log p_n[y_n] / divisor, p_n = softmax(f_n). saved[0] = p, [n, C].
class CrossEntropy final : public LossRule {
 public:
  using LossRule::LossRule;

  std::string type() const override { return "CrossEntropyLoss"; }
  double divisor(const LossIO& io) const override {
    return reduction() == LossReduction::mean ? static_cast<double>(io.batch_size) : 1.0;
  }

  Tensor contributions(LossIO& io) const override {
    check_shapes(io);
    const auto log_p = at::log_softmax(io.outputs[0], 1);
    io.saved = {log_p.exp()};
    return log_p.gather(1, io.targets[0].unsqueeze(1)).squeeze(1).div(-io.divisor);
  }
  /// (p - e_y) / divisor.
  TensorList gradient(const LossIO& io) const override {
    auto gradient = io.saved[0].clone();
    const auto labels = io.targets[0].unsqueeze(1);
    gradient.scatter_add_(1, labels, at::full_like(labels, -1, gradient.options()));
    return {gradient.div_(io.divisor)};
  }

  int64_t columns(const LossIO& io) const override { return io.outputs[0].size(1); }
  /// S[v,n,c] = (sqrt(p_c) delta_vc - sqrt(p_v) p_c) / sqrt(divisor), so that sum_v S S^T = (diag p - p p^T) / divisor.
  TensorList sqrt_hessian(const LossIO& io, int64_t first, int64_t count) const override {
    const auto& p = io.saved[0];
    const auto root = p.sqrt();
    auto s = root.narrow(1, first, count).t().unsqueeze(2) * p.unsqueeze(0).neg();  // [V, n, C]
    at::diagonal(s, first, 0, 2).add_(root.narrow(1, first, count));                // [n, V]
    return {s.div_(std::sqrt(io.divisor))};
  }
  /// (p - e_y) / sqrt(M divisor), y ~ Categorical(p) by inversion of one uniform per sample and draw.
  TensorList sampled_sqrt_hessian(const LossIO& io, int64_t draws, at::Generator generator) const override {
    const auto& p = io.saved[0];
    const auto uniform = at::rand({draws, p.size(0), 1}, generator, at::kDouble).to(p.device());
    const auto cumulative = p.to(at::kDouble).cumsum(1).unsqueeze(0);
    const auto label = cumulative.lt(uniform).sum(2, /*keepdim=*/true).clamp_max(p.size(1) - 1);  // [M, n, 1]
    auto s = p.unsqueeze(0).repeat({draws, 1, 1});
    s.scatter_add_(2, label, at::full_like(label, -1, s.options()));
    return {s.div_(std::sqrt(static_cast<double>(draws) * io.divisor))};
  }
  /// sum_n (diag p_n - p_n p_n^T) / divisor.
  Tensor summed_hessian(const LossIO& io) const override {
    const auto& p = io.saved[0];
    return (at::diag(p.sum(0)) - p.t().mm(p)).div_(io.divisor);
  }

  bool has_accuracy() const override { return true; }
  Tensor hits(const LossIO& io) const override { return io.outputs[0].argmax(1).eq(io.targets[0]); }

 private:
  static void check_shapes(const LossIO& io) {
    const auto &f = io.outputs[0], &y = io.targets[0];
    if (io.outputs.size() == 1 && f.dim() == 2 && y.dim() == 1 && y.size(0) == f.size(0) && y.scalar_type() == at::kLong)
      return;
    std::ostringstream found;
    found << "outputs " << f.sizes() << ", targets " << y.sizes() << " of type " << y.scalar_type();
    throw ComputeError("CrossEntropyLoss", found.str(), "logits [N, C] and integer labels [N]");
  }
};

}  // namespace

std::shared_ptr<LossRule> cross_entropy(LossReduction reduction) { return std::make_shared<CrossEntropy>(reduction); }

}  // namespace backobs
