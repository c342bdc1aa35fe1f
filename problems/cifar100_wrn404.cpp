// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/plugin.h>

#include <cmath>

namespace backobs {

/// Wide residual network 40-4 on CIFAR-100. The penalty leaves scales of normalisation layers out.
class Cifar100Wrn404 : public Problem {
 public:
  explicit Cifar100Wrn404(const Options&) {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, cifar100_wrn404 (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "cifar100";
    facts.batch_size = 128;
    facts.epochs = 160;
    facts.l2_reg = 0.0005;
    facts.initial_loss = std::log(100.0) + 1.41002;
    return facts;
  }
  Network network(const Random& random) const override { return blocks::wide_resnet(6, 4, 100, random); }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    return deepobs_images("cifar100", request);
  }
  bool is_regularised(const std::string& parameter) const override {
    return blocks::is_conv_or_dense_weight(parameter);
  }
};

BACKOBS_PROBLEM(Cifar100Wrn404, "Wide residual network 40-4 on CIFAR-100")

}  // namespace backobs
