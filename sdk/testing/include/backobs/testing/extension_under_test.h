// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>
#include <backobs/export.h>
#include <backobs/extension.h>
#include <backobs/loss.h>
#include <backobs/network.h>

#include <map>
#include <memory>
#include <string>

namespace backobs::testing {

/// What one pass over a mini-batch gave.
struct PassResults {
  double loss = 0;                               ///< penalty included
  std::map<std::string, Tensor> gradients;       ///< by parameter, [*p], penalty included
  std::map<std::string, TensorList> parameters;  ///< what was put for a parameter, by its name
  std::map<std::string, Tensor> values;          ///< what was put for the whole pass, by the name given to Results::put
  std::map<std::string, std::string> refused;    ///< parameters that were left out, and why
};

/// How passes are run. The blocks that are walked at a time must change no result.
struct PassChoices {
  int64_t samples_per_tile = 0;  ///< 0: all
  int64_t columns_per_tile = 0;  ///< 0: all
  double l2_reg = 0;             ///< c of a weight penalty (c/2) |w|^2 over every parameter
  bool training = true;
  uint64_t seed = 42;  ///< decides draws, with the step
};

/// An extension, prepared for one network and loss; passes leave its state as training steps do.
///
///     ExtensionUnderTest tested(plugin.make_extension(), network, cross_entropy());
///     const auto found = tested.pass(batch).parameters.at("dense.weight")[0];
class BACKOBS_API ExtensionUnderTest {
 public:
  /// The network must outlive this.
  ExtensionUnderTest(std::shared_ptr<Extension> extension, const Network& network, std::shared_ptr<const LossRule> loss,
                     const PassChoices& choices = {});
  ~ExtensionUnderTest();

  /// One forward and one backward walk at that step of epoch 0. Gradients are left in the parameters, too.
  PassResults pass(const Batch& batch, int64_t step = 0);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace backobs::testing
