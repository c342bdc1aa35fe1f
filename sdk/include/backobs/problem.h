// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>
#include <backobs/export.h>
#include <backobs/loss.h>
#include <backobs/network.h>
#include <backobs/options.h>

#include <memory>
#include <string>

namespace backobs {

/// What a problem states about itself.
struct ProblemFacts {
  std::string source;                ///< where the definition comes from, with section or paper
  std::string data_set;              ///< "fmnist"; empty if the data are drawn
  int64_t batch_size = 128;          ///< default
  int64_t epochs = 100;              ///< default
  double l2_reg = 0;                 ///< default of the weight penalty (l2_reg/2) |w|^2
  double initial_loss = 0;           ///< expected loss before training, penalty included; 0: not stated
  std::string note;                  ///< what a user should know
};

/// A test problem: network, loss, data and agreed defaults.
class BACKOBS_API Problem {
 public:
  virtual ~Problem();

  virtual ProblemFacts facts() const = 0;
  /// The network, initialised by draws of `random` alone (Draw::initialisation, one stream per parameter). A new one with
  /// parameters of its own at every call, float32 on the CPU; core moves it.
  virtual Network network(const Random& random) const = 0;
  /// What the network's outputs are compared with the targets by; backobs/loss.h makes the usual ones.
  virtual std::shared_ptr<const LossRule> loss() const = 0;
  /// Where batches come from. Throws DataError if files are missing. For Source::synthetic it needs none.
  virtual std::shared_ptr<const DataSource> data(const DataRequest& request) const = 0;
  /// Which parameters the penalty covers. Default: none.
  virtual bool is_regularised(const std::string& /*parameter*/) const { return false; }
};

}  // namespace backobs
