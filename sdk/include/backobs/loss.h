// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/layer.h>

#include <memory>
#include <string>

namespace backobs {

enum class LossReduction { mean, sum };

/// Outputs and targets of some samples, and the scale they are meant at.
struct LossIO {
  TensorList outputs;      ///< [n, *out_i], one per network output
  TensorList targets;      ///< labels [n], values [n, *out], … as the loss defines
  int64_t batch_size = 0;  ///< N of the mini-batch these samples belong to; may exceed n (tiles, micro-batches)
  double divisor = 1;      ///< what the reduction divides by, for the whole mini-batch; from LossRule::divisor
  TensorList saved;        ///< what LossRule::contributions left, sample axis first

  int64_t samples() const { return outputs.front().size(0); }
  LossIO narrow(int64_t first, int64_t count) const;
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
  virtual std::string type() const = 0;

  /// 1 for a sum; for a mean what it divides by: N (cross entropy), N D (mean squared error). `io` is the whole batch;
  /// throws ComputeError where the mean has no meaning (every target ignored).
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
  /// sum_n H_n over flattened outputs, [D, D]. One output only. Default: from sqrt_hessian.
  virtual Tensor summed_hessian(const LossIO& io) const;

  /// Whether an accuracy is defined, and if so which samples were hit, [n] bool (argmax picks the first maximum).
  virtual bool has_accuracy() const { return false; }
  virtual Tensor hits(const LossIO& io) const;

 private:
  LossReduction reduction_;
};

/// Softmax cross entropy on logits [N, C] with integer labels [N]. Mean divides by N.
/// H_n = diag(p_n) - p_n p_n^T. Draws: y ~ Categorical(p_n). PyTorch's CrossEntropyLoss.
BACKOBS_API std::shared_ptr<LossRule> cross_entropy(LossReduction reduction = LossReduction::mean);
/// Squared error sum over D of (f - y)^2, outputs and targets [N, *out]. Mean divides by N D.
/// H_n = 2 I. Draws: y ~ N(f, I/2). PyTorch's MSELoss.
BACKOBS_API std::shared_ptr<LossRule> mean_squared_error(LossReduction reduction = LossReduction::mean);

}  // namespace backobs
