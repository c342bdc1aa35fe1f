// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/data_views.h>
#include <backobs/plugin.h>

#include <cmath>

namespace backobs {

/// Three convolutions and three dense layers on CIFAR-10.
class Cifar10Net3c3d : public Problem {
 public:
  static Schema schema() {
    return {Option::text("train_on", "split", "all: the images held out for validation too, as published baselines")
                .one_of({"split", "all"})};
  }
  explicit Cifar10Net3c3d(const Options& options) : train_on_all_(options.text("train_on") == "all") {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, cifar10_3c3d (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "cifar10";
    facts.batch_size = 128;
    facts.epochs = 100;
    facts.l2_reg = 0.002;
    facts.initial_loss = std::log(10.0) + 1.2618;
    return facts;
  }
  Network network(const Random& random) const override { return blocks::net_3c3d(10, random); }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    const auto images = deepobs_images("cifar10", request);
    return train_on_all_ ? with_held_out_images(images) : images;
  }
  bool is_regularised(const std::string& parameter) const override { return blocks::is_weight(parameter); }

 private:
  bool train_on_all_;
};

BACKOBS_PROBLEM(Cifar10Net3c3d, "Three convolutional and three dense layers on CIFAR-10")

}  // namespace backobs
