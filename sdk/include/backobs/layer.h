// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/random.h>

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace torch::nn {
class Module;
}

/// What the framework knows about one module type: its forward on the tape, and how derivatives pass through it.
/// A rule knows only its module: no signal, no extension.
///
/// Index letters, here and in every rule: v column, n sample, s shared position, g group, c output feature,
/// k input feature, *in and *out the features of one sample at input and output.
namespace backobs {

using at::Tensor;  ///< of LibTorch, as everywhere
using TensorList = std::vector<Tensor>;

struct NamedTensor {  ///< a tensor and what it is called: "weight"
  std::string name;
  Tensor value;
};

/// How a forward pass is meant.
struct ForwardContext {
  bool training = false;              ///< dropout drops, normalisation normalises by batch statistics
  bool frozen_normalisation = false;  ///< normalisation uses running statistics although `training`
  Random random;                      ///< position of this step: repeated passes repeat masks and noise
  std::string_view node;              ///< name of the node, the stream of its draws
  bool walked = true;                 ///< a walk back follows; if none does, what forward saves is not read
};

/// The autograd graph of one recorded forward; made only for rules without derivatives of their own.
struct Recording;

/// What one node left on the tape, narrowed to the samples [first, first + n) of a tile.
struct LayerIO {
  TensorList inputs;                   ///< [n, *in_i], detached; shapes alone where reads_inputs() is false
  Tensor output;                       ///< [n, *out], detached; its shape alone where reads_output() is false
  TensorList saved;                    ///< what forward saved, each with the sample axis first
  int64_t first = 0;                   ///< position of the tile in the batch
  const Recording* recording = nullptr;  ///< of the whole batch; the defaults below read it

  int64_t samples() const { return output.size(0); }
  /// The samples [offset, offset + count) of these.
  BACKOBS_API LayerIO narrow(int64_t offset, int64_t count) const;
};

/// How a parameter enters the output.
enum class ParamForm {
  weight,     ///< W of y[n,s,g,c] = sum_k W[g,c,k] x[n,s,g,k] + b[g,c]
  bias,       ///< b of the same map
  scale,      ///< w of y[n,s,g,c] = w[g,c] x[n,s,g,c] + b[g,c], as in normalisation layers
  embedding,  ///< W, [K, C], of y[n,s,c] = W[k[n,s],c]
  general,    ///< anything else, through param_jac_t
};

/// Whether the Kronecker quantities give a second factor, that of the layer's input.
inline bool has_input_factor(ParamForm form) { return form == ParamForm::weight || form == ParamForm::embedding; }

/// Signed square-root factors of a symmetric matrix per sample: R_n = sum_r sign[r,n] f[r,n] f[r,n]^T.
struct Residual {
  /// R_n is diagonal: `diagonal` [n, *in] holds its entries with their signs. Otherwise undefined.
  Tensor diagonal;
  /// R_n is dense: one [R, n, *in_i] per input (jointly over all inputs) and signs [R, n]. Undefined for an input in
  /// which the layer is linear on its own.
  TensorList factors;
  Tensor signs;

  bool empty() const { return !diagonal.defined() && factors.empty(); }  ///< R_n = 0 for every n
};

/// One rule instance belongs to one node and holds its module.
///
/// Every function but `type` and `forward` has a default that is right and slow: forward is recorded by autograd, and
/// one backward per column reads the derivative from the recording. Overriding is a decision about speed; the
/// contract test (backobs/testing/layer_contract.h) holds each override against the default.
class BACKOBS_API LayerRule {
 public:
  virtual ~LayerRule();

  /// "Linear": the field's name of the module type, for messages and tables.
  virtual std::string type() const = 0;
  /// The module whose parameters, buffers, mode, dtype and device this node shares; may be null.
  virtual std::shared_ptr<torch::nn::Module> module() const { return nullptr; }
  /// The parameters by their names inside the module, in its order. Default: the module's.
  virtual std::vector<NamedTensor> parameters() const;

  /// The output [N, *out] of inputs [N, *in_i]. What jac_t and its siblings need beyond inputs and output goes to
  /// `saved` (sample axis first): pooling indices, masks. Nothing is recomputed or redrawn later. Throws ComputeError for
  /// shapes it does not take; the message names the node.
  virtual Tensor forward(const TensorList& inputs, const ForwardContext& context, TensorList& saved) const = 0;

  /// False promises that no function below falls back to its default, and spares the recording.
  virtual bool records_graph() const { return true; }
  /// True if the output of one sample depends on another sample. Recorded rules are probed for it as well. Then the
  /// gradient is of the whole batch, and individual quantities come from a second forward with frozen_normalisation.
  virtual bool couples_samples(const ForwardContext&) const { return false; }
  /// True if the Jacobian is the same for every sample; jac_t then never reads the sample axis of `io`.
  virtual bool jacobian_is_constant() const { return false; }
  /// True if output feature i depends on input feature i alone, in flat order (activations, reshapes): then a
  /// diagonal factor stays diagonal on its way back. One input only.
  virtual bool is_pointwise() const { return false; }
  /// False promises that `residual` is always empty: the layer is piecewise linear in its inputs.
  virtual bool is_curved() const { return true; }
  /// Whether the tape has to keep the values of inputs and output for this rule; their shapes always stay.
  virtual bool reads_inputs() const { return true; }
  virtual bool reads_output() const { return true; }

  /// Transposed Jacobian on each column: [V, n, *out] -> one [V, n, *in_i] per input.
  virtual TensorList jac_t(const LayerIO& io, const Tensor& columns) const;
  /// The same on columns that are rows [first, first + count) of a diagonal matrix: column r has the one entry
  /// diagonal[n, r] at flat feature r. [n, *out] -> one [count, n, *in_i] per input. Default: jac_t on it written out.
  virtual TensorList jac_t_diagonal(const LayerIO& io, const Tensor& diagonal, int64_t first, int64_t count) const;
  /// The same into the parameter: [V, n, *out] -> [V, n, *p]. Weights, biases and scales follow from the affine map.
  virtual Tensor param_jac_t(const LayerIO& io, const std::string& parameter, const Tensor& columns) const;
  /// Its sum over columns and samples, [*p]: what a gradient needs, for one backward instead of V n.
  virtual Tensor sum_param_jac_t(const LayerIO& io, const std::string& parameter, const Tensor& columns) const;
  /// sum_n J_n^T M J_n over the tile's samples for a symmetric M: [D_out, D_out] -> [D_in, D_in]. One input only. A constant
  /// Jacobian may use that all summands are equal. Not divided by N.
  virtual Tensor sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const;
  /// Hessian of sum_k grad[n,k] out[n,k] in the inputs of sample n, grad [n, *out].
  virtual Residual residual(const LayerIO& io, const Tensor& grad) const;
  /// The same in one parameter, factors[0] [R, n, *p]; empty if the output is linear in it.
  virtual Residual param_residual(const LayerIO& io, const std::string& parameter, const Tensor& grad) const;

  /// How the parameter enters. All but `general` unlock the Kronecker factors, weight and bias the fast derived
  /// quantities too.
  virtual ParamForm form(const std::string& parameter) const;
  /// x of the affine map, [n, S, G, K]. S positions share the weight (1 for plain Linear), G groups. Of a scale:
  /// [n, S, G, C]. Of an embedding: the rows k, [n, S], -1 where a position reads no row.
  virtual Tensor affine_input(const LayerIO& io) const;
  /// Columns [V, n, *out] as the affine map's output sees them, [V, n, S, G, C].
  virtual Tensor affine_columns(const LayerIO& io, const Tensor& columns) const;
  /// [..., G, C, K] (or [..., G, C] of a bias or a scale) as [..., *p]. Default: a reshape.
  virtual Tensor from_affine(const std::string& parameter, const Tensor& value) const;
  /// Its inverse for a weight: a value [..., *p] as [..., G, C, K], with G, C, K of `sizes`. Default: a reshape.
  virtual Tensor to_affine(const std::string& parameter, const Tensor& value, const std::vector<int64_t>& sizes) const;
};

/// A layer y = f(x) entry by entry. f' and f'' are enough; the rest follows.
class BACKOBS_API ElementwiseRule : public LayerRule {
 public:
  /// f'(x), [n, *in].
  virtual Tensor df(const LayerIO& io) const = 0;
  /// f''(x), [n, *in]; undefined where f'' is zero everywhere. Must agree with is_curved().
  virtual Tensor d2f(const LayerIO& io) const = 0;

  bool records_graph() const override { return false; }
  bool is_pointwise() const override { return true; }
  TensorList jac_t(const LayerIO& io, const Tensor& columns) const override;
  Tensor sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const override;
  Residual residual(const LayerIO& io, const Tensor& grad) const override;
};

/// One forward of one rule, kept for the reverse direction. The tape is a list of these.
class BACKOBS_API RecordedLayer {
 public:
  /// Runs rule.forward on inputs [N, *in_i], under autograd if the rule asks for it.
  RecordedLayer(std::shared_ptr<const LayerRule> rule, TensorList inputs, const ForwardContext& context);
  RecordedLayer(RecordedLayer&&) noexcept;
  RecordedLayer& operator=(RecordedLayer&&) noexcept;
  ~RecordedLayer();

  const LayerRule& rule() const { return *rule_; }
  /// [N, *out], detached.
  const Tensor& output() const { return output_; }
  /// Drops what the rule does not read; call when every consumer has taken the output.
  void release_unread();
  /// The samples [first, first + count) as the rule's functions take them.
  LayerIO io(int64_t first, int64_t count) const;
  /// Throws ComputeError if the output of a sample depends on other samples (probed by autograd if recorded).
  void refuse_coupling(const ForwardContext& context) const;

 private:
  std::shared_ptr<const LayerRule> rule_;
  TensorList inputs_;
  Tensor output_;
  TensorList saved_;
  std::unique_ptr<Recording> recording_;
};

}  // namespace backobs
