// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>
#include <backobs/extension.h>
#include <backobs/loss.h>
#include <backobs/network.h>
#include <backobs/testing/checks.h>

namespace backobs::testing {

class BruteForce;

/// A small network with a mini-batch, in double precision.
struct ExtensionCase {
  std::string name;
  Network network{{1}};
  Batch batch;
  std::shared_ptr<const LossRule> loss;
  double l2_reg = 0;  ///< c of a weight penalty (c/2) |w|^2 over every parameter
};
/// The first `count` (at most 3) of: two dense layers with cross entropy; a convolution with the sum of squared errors;
/// dense layers with binary cross entropy and a penalty. Parameters and data follow from the seed.
BACKOBS_API std::vector<ExtensionCase> extension_cases(uint64_t seed, int count = 3);

/// One parameter as autograd knows it, one sample and one scalar at a time; penalty included as in a pass. Nothing of it
/// comes from a signal or a derived quantity. n is a sample of N, P the number of entries of the parameter.
class BACKOBS_API ParameterTruth {
 public:
  ParameterTruth(const BruteForce& brute, std::string parameter) : brute_(brute), name_(std::move(parameter)) {}

  const std::string& name() const { return name_; }
  Tensor gradients() const;  ///< g_n, [N, *p]; they sum to the gradient
  Tensor ggn() const;        ///< J_n^T H_n J_n, [N, P, P]
  Tensor hessians() const;   ///< d^2 l_n / dw^2, [N, P, P]
  const BruteForce& brute() const { return brute_; }  ///< all there is to know; include backobs/testing/brute_force.h

 private:
  const BruteForce& brute_;
  std::string name_;
};

/// What an extension with default options owes in its first pass for one parameter: pairs of what follows from its result
/// and what follows from autograd, which have to be equal. Most often the result itself and its definition:
///
///     Reference reference = [](const ParameterTruth& truth, const TensorList& result) {
///       return std::pair(result[0], truth.gradients().square().sum(0));
///     };
using Reference = std::function<std::pair<Tensor, Tensor>(const ParameterTruth&, const TensorList& result)>;

/// The reference of a quantity that docs/quantities.md defines, by its name. Where draws or averages over layers stand
/// between it and brute force, an identity: draws of roots lie in the range of the block, diagonals are not negative,
/// factors are symmetric and positive semi-definite. Empty for any other name.
BACKOBS_API Reference reference_of(const std::string& quantity);

/// The contract of extensions, on the cases above:
///   one step        gives something, for every parameter that is not refused, and finite numbers
///   deterministic   two instances give the same bits
///   harmless        parameters stay as they are; loss and gradient are those of a pass without it
///   reference       results equal the reference (relative error 1e-8)
///   steps           shapes are the same at the next steps
///   state           an instance that loads what another one saved goes on with the same bits            from strictness 2
///   tiles           results are equal however the batch is cut (relative error 1e-8)                      3
///   blocks          of a PerSample: blocks have the entries of the whole (relative error 1e-8)            3
///   options         every value on the edge of its range, every choice, and as many drawn ones as strictness: finite,
///                   and going on from a saved state with the same bits, or refused by an error of backobs/error.h that is no PluginError; values outside the range
///                   are refused                                                                          4
///   threads         two instances at work at once give what each gives alone                               6
///   growth          hundreds of passes do not take more and more memory                                    7
BACKOBS_API Checks check_extension(const Factory<Extension>& factory, const ContractSettings& settings = {},
                                   const Reference& reference = {});

}  // namespace backobs::testing
