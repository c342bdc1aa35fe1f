// SPDX-License-Identifier: MIT
#include "kernels/softmax_root.h"
#include "losses/shapes.h"

#include <backobs/error.h>
#include <backobs/loss.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace backobs {
namespace {

/// Labels and probabilities become coefficients q of -log p; everything else is written in p, q and omega = sum_c q.
/// saved = {p [n, C, *pos], q [n, C, *pos], omega [n, 1, *pos]}.
class CrossEntropy final : public LossRule {
 public:
  explicit CrossEntropy(const CrossEntropyOptions& options) : LossRule(options.reduction), options_(options) {
    const auto& w = options.weight;
    if (std::any_of(w.begin(), w.end(), [](double x) { return !(x >= 0); }))
      throw ComputeError("CrossEntropyLoss", "a negative class weight", "weights >= 0");
    if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
      throw ComputeError("CrossEntropyLoss", "label_smoothing " + std::to_string(options.label_smoothing), "a value in [0, 1]");
  }

  std::string type() const override { return "CrossEntropyLoss"; }

  double divisor(const LossIO& io) const override {
    check(io);
    const auto positions = static_cast<double>(features(io.outputs[0]) / io.outputs[0].size(1));
    if (reduction() == LossReduction::sum) return 1;
    if (!has_labels(io)) return positions * static_cast<double>(io.batch_size);
    const auto ignored = ignored_labels(io);
    if (options_.weight.empty() && ignored == 0) return positions * static_cast<double>(io.batch_size);
    if (io.batch_size != io.samples())
      throw ComputeError("CrossEntropyLoss", std::to_string(io.samples()) + " of " + std::to_string(io.batch_size) + " samples",
                         "the whole mini-batch, on whose targets the mean over class weights or counted targets depends");
    const auto total = counted_weight(io, ignored);
    if (total > 0) return total;
    throw ComputeError("CrossEntropyLoss", "no target that counts: every one is ignored or of weight 0",
                       "at least one, for a mean");
  }

  Tensor contributions(LossIO& io) const override {
    check(io);
    const auto log_p = at::log_softmax(io.outputs[0], 1);
    if (has_plain_labels(io)) return plain_contributions(io, log_p);
    const auto q = coefficients(io);
    const auto omega = q.sum(1, /*keepdim=*/true);
    if (!has_labels(io) && omega.lt(0).any().item<bool>())
      throw ComputeError("CrossEntropyLoss", "class probabilities with a negative sum", "sums >= 0, for a convex loss");
    io.saved = {log_p.exp(), q, omega};
    // A masked class (logit -inf) has log p = -inf, and contributes nothing where its coefficient is 0.
    const auto l = (q * log_p).masked_fill(q.eq(0), 0);
    return l.reshape({l.size(0), -1}).sum(1).div(-io.divisor);
  }
  TensorList gradient(const LossIO& io) const override {
    return {(io.saved[2] * io.saved[0]).sub_(io.saved[1]).div_(io.divisor)};
  }

  int64_t columns(const LossIO& io) const override { return features(io.outputs[0]); }
  /// Column v = (y, pos'): S[v,n,c,pos] = [pos = pos'] sqrt(omega p_y / divisor) ([c = y] - p_c).
  TensorList sqrt_hessian(const LossIO& io, int64_t first, int64_t count) const override {
    const auto p = flat(io.saved[0]), omega = flat(io.saved[2]);
    const auto n = p.size(0), classes = p.size(1), positions = p.size(2);
    if (positions == 1) {
      const auto root = p.device().is_cpu() ? softmax_root : softmax_root_plainly;
      return {root(p.squeeze(2), omega.reshape({n}).div(io.divisor), first, count).view(columns_shape(io.outputs[0], count))};
    }
    const auto v = at::arange(first, first + count, p.options().dtype(at::kLong));
    const auto position = v.remainder(positions);
    const auto label = v.div(positions, "floor").view({-1, 1, 1}).expand({count, n, 1});
    const auto here = p.index_select(2, position).permute({2, 0, 1});  // [V, n, C]
    const auto scale = (omega.index_select(2, position).permute({2, 0, 1}) * here.gather(2, label)).div_(io.divisor).sqrt_();
    auto s = here.neg() * scale;
    s.scatter_add_(2, label, scale);
    const auto index = position.view({-1, 1, 1, 1}).expand({count, n, classes, 1});
    s = at::zeros({count, n, classes, positions}, s.options()).scatter_(3, index, s.unsqueeze(3));
    return {s.view(columns_shape(io.outputs[0], count))};
  }
  /// sqrt(omega / (M divisor)) (p - e_y); y by inversion of one uniform per draw, sample and position.
  TensorList sampled_sqrt_hessian(const LossIO& io, int64_t draws, at::Generator generator) const override {
    const auto p = flat(io.saved[0]);
    const auto uniform = at::rand({draws, p.size(0), 1, p.size(2)}, generator, at::kDouble).to(p.device());
    const auto cumulative = p.to(at::kDouble).cumsum(1).unsqueeze(0);
    const auto label = cumulative.lt(uniform).sum(2, /*keepdim=*/true).clamp_max(p.size(1) - 1);  // [M, n, 1, pos]
    auto s = p.unsqueeze(0).repeat({draws, 1, 1, 1});
    s.scatter_add_(2, label, at::full_like(label, -1, s.options()));
    s *= (flat(io.saved[2]) / (static_cast<double>(draws) * io.divisor)).sqrt();
    return {s.view(columns_shape(io.outputs[0], draws))};
  }
  /// sum_n omega (diag p - p p^T) / divisor, position by position on the diagonal of [C, pos, C, pos].
  Tensor summed_hessian(const LossIO& io, std::size_t) const override {
    const auto p = flat(io.saved[0]).permute({2, 0, 1});                                      // [pos, n, C]
    const auto weighted = flat(io.saved[2]).permute({2, 0, 1}).mul(p).div_(io.divisor);      // [pos, n, C]
    const auto blocks = at::diag_embed(weighted.sum(1)) - weighted.transpose(1, 2).bmm(p);   // [pos, C, C]
    return at::diag_embed(blocks.permute({1, 2, 0}), 0, 1, 3).reshape({columns(io), columns(io)});
  }

  bool has_accuracy() const override { return true; }
  Tensor hits(const LossIO& io) const override {
    const auto& y = io.targets[0];
    const auto hit = io.outputs[0].argmax(1).eq(has_labels(io) ? y : y.argmax(1));
    if (hit.dim() == 1 && has_labels(io) && ignored_labels(io) == 0) return hit.to(at::kDouble);
    const auto positions = hit.reshape({hit.size(0), -1}).to(at::kDouble);
    if (!has_labels(io)) return positions.mean(1);
    const auto counted = y.ne(options_.ignore_index).reshape(positions.sizes()).to(at::kDouble);
    if (io.batch_size != io.samples() && counted.eq(0).any().item<bool>())
      throw ComputeError("CrossEntropyLoss", std::to_string(io.samples()) + " of " + std::to_string(io.batch_size) + " samples",
                         "the whole mini-batch, on whose counted targets the accuracy depends");
    return (positions * counted).sum(1) * (static_cast<double>(io.samples()) / counted.sum().clamp_min(1));
  }

 private:
  static bool has_labels(const LossIO& io) { return io.targets[0].scalar_type() == at::kLong; }
  /// [n, C, *pos] -> [n, C, positions].
  static Tensor flat(const Tensor& t) { return t.reshape({t.size(0), t.size(1), -1}); }

  /// One label per position, all of them counted alike: q is one at the label, omega is one.
  bool has_plain_labels(const LossIO& io) const {
    return has_labels(io) && ignored_labels(io) == 0 && options_.weight.empty() && options_.label_smoothing == 0;
  }
  /// The same numbers as the general way, with a fraction of its operators: small problems notice them.
  static Tensor plain_contributions(LossIO& io, const Tensor& log_p) {
    const auto label = io.targets[0].unsqueeze(1);
    auto shape = log_p.sizes().vec();
    shape[1] = 1;
    io.saved = {log_p.exp(), at::zeros(log_p.sizes(), log_p.options()).scatter_(1, label, 1),
                at::ones({}, log_p.options()).expand(shape)};
    return log_p.gather(1, label).flatten(1).sum(1).div_(-io.divisor);
  }

  /// w_c in the outputs' type, in a shape that broadcasts over samples and positions.
  Tensor class_weights(const Tensor& f) const {
    auto shape = std::vector<int64_t>(f.dim(), 1);
    shape[1] = f.size(1);
    if (options_.weight.empty()) return at::ones({1}, f.options());
    return at::tensor(options_.weight, at::kDouble).to(f.options()).reshape(shape);
  }
  /// Sum of w_y over the counted targets.
  double counted_weight(const LossIO& io, int64_t ignored) const {
    if (options_.weight.empty()) return static_cast<double>(io.targets[0].numel() - ignored);
    const auto counted = io.targets[0].ne(options_.ignore_index);
    const auto weight = at::tensor(options_.weight, io.outputs[0].options().dtype(at::kDouble));
    return weight.index_select(0, io.targets[0].masked_select(counted)).sum().item<double>();
  }
  Tensor coefficients(const LossIO& io) const {
    const auto &f = io.outputs[0], &y = io.targets[0];
    const double smooth = options_.label_smoothing;
    const auto weight = class_weights(f);
    const auto spread = weight * (smooth / static_cast<double>(f.size(1)));
    if (!has_labels(io)) return y * (1 - smooth) * weight + spread;
    const auto counted = y.ne(options_.ignore_index).unsqueeze(1);
    const auto label = y.unsqueeze(1).masked_fill(counted.logical_not(), 0);
    auto q = at::zeros(f.sizes(), f.options()).scatter_(1, label, 1 - smooth).mul_(weight).add_(spread);
    return q.mul_(counted);
  }

  void check(const LossIO& io) const {
    if (io.outputs.size() != 1 || io.targets.size() != 1) refuse(io);
    const auto &f = io.outputs[0], &y = io.targets[0];
    if (f.dim() < 2) refuse(io);
    if (!options_.weight.empty() && static_cast<int64_t>(options_.weight.size()) != f.size(1))
      throw ComputeError("CrossEntropyLoss", std::to_string(options_.weight.size()) + " class weights",
                         "one for each of the " + std::to_string(f.size(1)) + " classes");
    if (!has_labels(io)) {
      if (!y.is_floating_point() || y.sizes() != f.sizes()) refuse(io);
      return;
    }
    auto shape = f.sizes().vec();
    shape.erase(shape.begin() + 1);
    if (y.sizes() != at::IntArrayRef(shape)) refuse(io);
  }
  /// How many labels are not counted; read where they lie, without an operator. Throws ComputeError for one that is no class.
  int64_t ignored_labels(const LossIO& io) const {
    const auto labels = io.targets[0].to(at::kCPU).contiguous();
    const auto classes = io.outputs[0].size(1);
    const auto* const first = labels.data_ptr<int64_t>();
    int64_t ignored = 0;
    for (const auto* label = first; label != first + labels.numel(); ++label) {
      if (*label == options_.ignore_index) ++ignored;
      else if (*label < 0 || *label >= classes)
        throw ComputeError("CrossEntropyLoss", "label " + std::to_string(*label), "labels from 0 to " + std::to_string(classes - 1));
    }
    return ignored;
  }
  [[noreturn]] static void refuse(const LossIO& io) {
    throw ComputeError("CrossEntropyLoss", "outputs " + shapes_of(io.outputs) + " and targets " + shapes_of(io.targets),
                       "logits [N, C, *pos] with integer labels [N, *pos] or probabilities [N, C, *pos]");
  }

  CrossEntropyOptions options_;
};

}  // namespace

std::shared_ptr<LossRule> cross_entropy(const CrossEntropyOptions& options) { return std::make_shared<CrossEntropy>(options); }

std::shared_ptr<LossRule> cross_entropy(LossReduction reduction) {
  CrossEntropyOptions options;
  options.reduction = reduction;
  return cross_entropy(options);
}

}  // namespace backobs
