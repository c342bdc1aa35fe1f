// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/options.h>
#include <backobs/random.h>
#include <backobs/signal.h>

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

/// Products of the curvature block of one parameter with vectors, without the block.
namespace backobs {

struct ParameterInfo;
struct ProblemInfo;
struct PassInfo;

/// The name of the vectors that core provides itself: the gradient of the mini-batch loss as visits see it, [1, *p].
/// It has to be known before curvature is walked, so a pass with such a product walks the gradient twice.
inline constexpr const char* kGradientVectors = "gradient";

/// G = sum_{v,n} sign[v,n] A[v,n] A[v,n]^T (+ c for the penalty, where the signal is a square root) of one parameter
/// and one signal. A[v,n] are the columns of signal.h; G carries the loss reduction and is never formed. It holds
/// tensors of the tape until the next pass over the same network begins or `release` is called.
class BACKOBS_API CurvatureBlock {
 public:
  virtual ~CurvatureBlock();
  /// G vec_k for vectors [K, *p], or one of shape [*p]; the result has the shape given. Throws ComputeError for any
  /// other shape, or when the tape is gone.
  virtual at::Tensor multiply(const at::Tensor& vectors, Signs signs = Signs::kept) const = 0;
  virtual void release() = 0;
};

/// Where the extensions ggnmp, hmp and pchmp have their vectors from:
///
/// | vectors    | value                                                                                    |
/// |------------|------------------------------------------------------------------------------------------|
/// | rademacher | `count` vectors of independent +1 and -1, from (seed, parameter name, epoch, step) alone |
/// | gradient   | the gradient of the mini-batch loss                                                      |
/// | FILE       | a dictionary of tensors written by torch.save: parameter name -> [K, *p] or [*p]         |
class BACKOBS_API ProductVectors {
 public:
  static Schema schema();
  explicit ProductVectors(const Options& options);

  /// Equal options have equal names, and hence share one product: the value of Need::vectors.
  const std::string& name() const { return name_; }
  /// Reads the file, if there is one. Throws ConfigError for a parameter that it lacks or has in another shape,
  /// DataError if it cannot be read.
  void prepare(const ProblemInfo& problem);
  /// [K, *p], on the CPU.
  at::Tensor of(const ParameterInfo& parameter, const PassInfo& pass);

 private:
  const std::map<std::string, at::Tensor>& file();
  std::string source_, name_;
  int64_t count_;
  uint64_t seed_;
  std::map<std::string, at::Tensor> read_;
};

}  // namespace backobs
