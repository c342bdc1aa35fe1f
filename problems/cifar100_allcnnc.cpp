// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/data_views.h>
#include <backobs/plugin.h>

#include <cmath>

namespace backobs {

/// The all-convolutional network All-CNN-C on CIFAR-100.
class Cifar100Allcnnc : public Problem {
 public:
  static Schema schema() {
    return {Option::text("train_on", "split", "all: the images held out for validation too, as published baselines")
                .one_of({"split", "all"})};
  }
  explicit Cifar100Allcnnc(const Options& options) : train_on_all_(options.text("train_on") == "all") {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, cifar100_allcnnc (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "cifar100";
    facts.batch_size = 256;
    facts.epochs = 350;
    facts.l2_reg = 0.0005;
    facts.initial_loss = std::log(100.0) + 0.3063;
    return facts;
  }
  Network network(const Random& random) const override { return blocks::allcnnc(random); }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    const auto images = deepobs_images("cifar100", request);
    return train_on_all_ ? with_held_out_images(images) : images;
  }
  bool is_regularised(const std::string& parameter) const override { return blocks::is_weight(parameter); }

 private:
  bool train_on_all_;
};

BACKOBS_PROBLEM(Cifar100Allcnnc, "All-convolutional network All-CNN-C on CIFAR-100")

}  // namespace backobs
