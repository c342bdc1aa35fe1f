// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/plugin.h>

#include <cmath>

namespace backobs {

/// Three convolutions and three dense layers on CIFAR-100.
class Cifar100Net3c3d : public Problem {
 public:
  explicit Cifar100Net3c3d(const Options&) {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, cifar100_3c3d (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "cifar100";
    facts.batch_size = 128;
    facts.epochs = 100;
    facts.l2_reg = 0.002;
    facts.initial_loss = std::log(100.0) + 1.3863;
    facts.note =
        "DeepOBS has no default batch size and number of epochs here; these are those of cifar10_3c3d.";
    return facts;
  }
  Network network(const Random& random) const override { return blocks::net_3c3d(100, random); }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    return deepobs_images("cifar100", request);
  }
  bool is_regularised(const std::string& parameter) const override { return blocks::is_weight(parameter); }
};

BACKOBS_PROBLEM(Cifar100Net3c3d, "Three convolutional and three dense layers on CIFAR-100")

}  // namespace backobs
