// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>
#include <backobs/extension.h>
#include <backobs/loss.h>
#include <backobs/network.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// One mini-batch through the network and back.
namespace backobs {

/// Parts of the values of a parameter that can be formed alone: see PerSample and PerColumn.
enum class Blocks { none, samples, columns };

/// One extension in a pass, under the name its results carry (its own, or its `as`).
struct ExtensionInstance {
  std::string name;
  std::shared_ptr<Extension> extension;
  /// Whoever takes its results can do with such blocks, one after the other: then no more than a block is held where the
  /// walk allows it, else all samples and columns come as one.
  Blocks blocks = Blocks::none;
};

/// The blocks that the extension can work with, by what it says of itself.
BACKOBS_API Blocks blocks_of(const Extension& extension);

/// What an extension put for one parameter: one tensor, or a list (Kronecker factors), which may have one element.
struct ResultValue {
  TensorList tensors;
  bool is_list = false;

  operator TensorList() && { return std::move(tensors); }
};

/// Takes results as they appear: parameter by parameter, last layer first. `parameter` is empty for values of the
/// whole pass. Whoever takes a value owns it; what is only reduced here is freed at once.
using ResultSink =
    std::function<void(const std::string& quantity, const std::string& parameter, ResultValue value)>;

/// One cell of the table of what cannot work, found before any compute.
struct Refusal {
  std::string quantity, parameter, reason;
};

/// How much is walked at a time. Results are equal for every choice; memory is not.
struct Tiling {
  int64_t samples = 0;  ///< block of N; 0: as the memory budget allows
  int64_t columns = 0;  ///< block of V; 0: as the memory budget allows
  int64_t budget_bytes = int64_t{256} << 20;  ///< of signals; four times as much where columns do not add up
  /// What a block (ExtensionInstance::blocks) may hold of one parameter: enough for products of matrices to run at full speed.
  int64_t block_bytes = int64_t{64} << 20;
};

struct PassSettings {
  double l2_reg = 0;                                            ///< lambda of (lambda/2) |w|^2 over regularised parameters
  std::function<bool(const std::string&)> is_regularised = {};  ///< by parameter name; empty: none
  bool penalty_in_quantities = true;                            ///< false: quantities are bare (`penalty: exclude`)
  Tiling tiling;
};

/// A mini-batch's loss.
struct Evaluation {
  double loss = 0;      ///< penalty included
  double accuracy = 0;  ///< hits / N; 0 where the problem has none
};

/// What a pass leaves besides the results it streamed.
struct PassOutcome {
  Evaluation evaluation;
  Tensor individual_loss;  ///< [N]; their mean (or sum) is the loss, penalty included
  Tensor output;           ///< first network output, [N, *out]
  /// True if normalisation over the batch couples the samples: then the results are of a second forward with running
  /// statistics, and their own gradient is among them as `grad_eval`. Everything else here is of training mode.
  bool evaluation_statistics = false;
};

/// The engine: one network, one loss, any extensions. Holds nothing between calls but settings and workspaces.
class BACKOBS_API Pass {
 public:
  Pass(const Network& network, std::shared_ptr<const LossRule> loss, PassSettings settings);
  ~Pass();

  /// What extensions may know of every trainable parameter, in the network's order.
  const std::vector<ParameterInfo>& parameters() const;
  /// (extension, parameter) pairs that cannot work, with reasons. `batch_size` decides what fits.
  std::vector<Refusal> refusals(const std::vector<ExtensionInstance>& extensions, int64_t batch_size = 1) const;

  /// Whether a training pass normalises over the batch, which PassOutcome::evaluation_statistics will say of its results.
  bool couples_samples() const;

  /// Forward only.
  Evaluation evaluate(const Batch& batch, const ForwardContext& context) const;
  /// Forward, one reverse walk, the gradient into every trainable parameter's grad() (overwritten), and every
  /// extension's results into `sink`. Refused parameters are skipped. Where training couples the samples this walk is of
  /// the gradient alone, and a second forward and walk with frozen normalisation serves the extensions.
  ///
  /// A batch of n < N = `info.batch_size` samples is a part of a mini-batch, a micro-batch. Loss, accuracy, gradient and
  /// quantities are then its share of the whole's, by the whole's scale and with n/N of the penalty: over the parts they
  /// add up, values per sample join, and grad() holds the part's alone. Throws ComputeError for what is no sum over samples:
  /// variance, kfra, products with the gradient, normalisation over the batch in training. Masks, noise and Monte-Carlo draws
  /// follow from `info.random`: parts with equal ones repeat them.
  PassOutcome run(const Batch& batch, const PassInfo& info, bool training,
                  const std::vector<ExtensionInstance>& extensions = {}, const ResultSink& sink = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace backobs
