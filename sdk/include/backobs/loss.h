// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/layer.h>

#include <memory>
#include <string>
#include <vector>

namespace backobs {

enum class LossReduction { mean, sum };  ///< how the losses of N samples become one

/// Outputs and targets of some samples, and the scale they are meant at.
struct LossIO {
  TensorList outputs;      ///< [n, *out_i], one per network output
  TensorList targets;      ///< labels [n], values [n, *out], … as the loss defines
  int64_t batch_size = 0;  ///< N of the mini-batch these samples belong to; may exceed n in a tile
  double divisor = 1;      ///< what the reduction divides by, for the whole mini-batch; from LossRule::divisor
  TensorList saved;        ///< what LossRule::contributions left, sample axis first

  int64_t samples() const { return outputs.front().size(0); }  ///< n
  /// The samples [first, first + count) of these; batch_size and divisor stay those of the mini-batch.
  BACKOBS_API LossIO narrow(int64_t first, int64_t count) const;
};

/// A loss L = sum_n l_n, where the contributions l_n carry the reduction factor. What starts each signal.
///
/// Index letters: n sample, N batch size, D outputs per sample, v column, m draw. H_n is the Hessian of l_n in the
/// outputs of sample n. Scale: everything returned is at the scale of the loss, the divisor included.
class BACKOBS_API LossRule {
 public:
  explicit LossRule(LossReduction reduction) : reduction_(reduction) {}
  virtual ~LossRule();

  LossReduction reduction() const { return reduction_; }
  /// "cross_entropy": the name shown to users.
  virtual std::string type() const = 0;

  /// 1 for a sum; for a mean what it divides by, from the whole batch. Throws ComputeError where the mean has no meaning
  /// (every target ignored), or where it depends on targets of the mini-batch that `io` does not hold.
  virtual double divisor(const LossIO& io) const = 0;
  /// l_n, [n]. May leave intermediate results in io.saved for the functions below.
  virtual Tensor contributions(LossIO& io) const = 0;
  /// The unreduced loss: values whose mean (or sum, as the reduction says) is L, [n].
  virtual Tensor individual(const LossIO& io, const Tensor& contributions) const;
  /// dl_n/df_n, one [n, *out_i] per output. Default: autograd of the contributions.
  virtual TensorList gradient(const LossIO& io) const;

  /// V, the number of columns of sqrt_hessian.
  virtual int64_t columns(const LossIO& io) const = 0;
  /// Columns [first, first + count) of S with H_n = sum_v S[v,n] S[v,n]^T: one [count, n, *out_i] per output.
  virtual TensorList sqrt_hessian(const LossIO& io, int64_t first, int64_t count) const = 0;
  /// S with E[sum_m S[m,n] S[m,n]^T] = H_n from M draws, one [M, n, *out_i] per output. `io` is the whole batch.
  virtual TensorList sampled_sqrt_hessian(const LossIO& io, int64_t draws, at::Generator generator) const = 0;
  /// sum_n d^2 l_n / df_n^2 of one of the outputs f, flattened: its block on the diagonal of sum_n H_n, [D_i, D_i].
  /// Default: from sqrt_hessian.
  virtual Tensor summed_hessian(const LossIO& io, std::size_t output) const;

  /// Whether an accuracy is defined.
  virtual bool has_accuracy() const { return false; }
  /// The share of each sample in the accuracy, [n]: the accuracy is their mean over the N samples. 1 or 0 where a sample
  /// has one target; with several the fraction that was hit. Ignored targets are left out of the mean, so that the
  /// others weigh more. argmax picks the first maximum. `io` is the whole batch.
  virtual Tensor hits(const LossIO& io) const;

 private:
  LossReduction reduction_;
};

/// What torch's CrossEntropyLoss can be told.
struct CrossEntropyOptions {
  LossReduction reduction = LossReduction::mean;
  std::vector<double> weight;      ///< w_c >= 0, one per class; empty: 1
  double label_smoothing = 0;      ///< e in [0, 1]: the target becomes (1 - e) target + e/C
  int64_t ignore_index = -100;     ///< label of positions that contribute nothing
};

/// Softmax cross entropy on logits [N, C, *pos], as torch's CrossEntropyLoss, with the targets
///     labels [N, *pos] of integers, or
///     class probabilities [N, C, *pos] of floating point; they need not sum to 1.
///
/// With q the coefficients of -log p, q[c] = (1 - e) w_y [c = y] + (e/C) w_c for a label (0 where ignored) and
/// q[c] = w_c ((1 - e) t_c + e/C) for probabilities, and omega = sum_c q[c], at each position by itself:
///     l_n = -sum_pos sum_c q log p / divisor      gradient = (omega p - q) / divisor
///     H_n = omega (diag p - p p^T) / divisor, no coupling of positions; V = C prod(pos).
/// Divisor of a mean: labels: the sum of w_y over all that are not ignored, N prod(pos) without weights; probabilities:
/// N prod(pos) whatever the weights. Draws: y ~ Categorical(p) at each position, sqrt(omega) (p - e_y); one draw covers
/// all positions of a sample. Accuracy: argmax over classes, mean over positions; ignored ones left out.
/// Throws ComputeError for shapes, labels beyond C, and probabilities with omega < 0, for which l_n is not convex.
BACKOBS_API std::shared_ptr<LossRule> cross_entropy(const CrossEntropyOptions& options);
BACKOBS_API std::shared_ptr<LossRule> cross_entropy(LossReduction reduction = LossReduction::mean);

/// Squared error, outputs and targets [N, *out] (also [N]) with D entries per sample, as torch's MSELoss.
/// l_n = |f - y|^2 / divisor, H_n = 2 I / divisor, V = D. Mean divides by N D. Draws: N(0, 2 I).
BACKOBS_API std::shared_ptr<LossRule> mean_squared_error(LossReduction reduction = LossReduction::mean);

/// What torch's BCEWithLogitsLoss can be told. Weights belong to entries of a sample, not to samples.
struct BinaryCrossEntropyOptions {
  LossReduction reduction = LossReduction::mean;
  std::vector<double> weight;      ///< w >= 0 of each of the D entries, or one for all; empty: 1
  std::vector<double> pos_weight;  ///< u >= 0 of the positive class, the same way
};

/// Binary cross entropy on logits f [N, *out] with targets y [N, *out] in [0, 1], as torch's BCEWithLogitsLoss.
/// With s = sigmoid(f), q = w u y, omega = w (u y + 1 - y), entry by entry:
///     l_n = -sum (q log s + (omega - q) log(1 - s)) / divisor      gradient = (omega s - q) / divisor
///     H_n = diag(omega s (1 - s)) / divisor, V = D.
/// Mean divides by N D. Draws: y ~ Bernoulli(s) at each entry, sqrt(omega) (s - y). Accuracy: f > 0 against y > 1/2,
/// mean over entries. Throws ComputeError for shapes and targets outside [0, 1].
BACKOBS_API std::shared_ptr<LossRule> binary_cross_entropy(const BinaryCrossEntropyOptions& options = {});

/// Loss of a variational autoencoder with outputs (x [N, *image], mu [N, *latent], s [N, *latent]), s the logarithm of
/// the standard deviation, and the image t [N, *image] as target:
///     l_n = (sum (x - t)^2 - 1/2 sum (1 + 2 s - mu^2 - exp(2 s))) / divisor
///     gradient = (2 (x - t), mu, exp(2 s) - 1) / divisor      H_n = diag(2, 1, 2 exp(2 s)) / divisor
/// V = image + 2 latent. Mean divides by N. Draws: H_n^(1/2) xi, xi ~ N(0, I). No accuracy.
/// Source: Kingma, Welling, ICLR 2014; the scale of DeepOBS.
BACKOBS_API std::shared_ptr<LossRule> variational_autoencoder(LossReduction reduction = LossReduction::mean);

}  // namespace backobs
