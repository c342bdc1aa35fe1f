// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/data_views.h>
#include <backobs/plugin.h>

#include <cmath>

namespace backobs {

/// Two convolutions and two dense layers on Fashion-MNIST.
class Fmnist2c2d : public Problem {
 public:
  static Schema schema() {
    return {Option::text("train_on", "split", "all: the images held out for validation too, as published baselines")
                .one_of({"split", "all"})};
  }
  explicit Fmnist2c2d(const Options& options) : train_on_all_(options.text("train_on") == "all") {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, fmnist_2c2d (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "fmnist";
    facts.batch_size = 128;
    facts.epochs = 100;
    facts.initial_loss = std::log(10.0);
    return facts;
  }
  Network network(const Random& random) const override { return blocks::net_2c2d(random); }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    const auto images = deepobs_images("fmnist", request);
    return train_on_all_ ? with_held_out_images(images) : images;
  }

 private:
  bool train_on_all_;
};

BACKOBS_PROBLEM(Fmnist2c2d, "Two convolutional and two dense layers on Fashion-MNIST")

}  // namespace backobs
