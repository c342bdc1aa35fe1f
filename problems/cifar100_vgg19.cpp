// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/plugin.h>

#include <cmath>

namespace backobs {

/// VGG-19 on CIFAR-100, whose images are enlarged to 224 x 224 pixels.
class Cifar100Vgg19 : public Problem {
 public:
  static Schema schema() {
    return {Option::integer("size", 224, "rows and columns to which images are enlarged").at_least(32)};
  }
  explicit Cifar100Vgg19(const Options& options) : size_(options.integer("size")) {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, cifar100_vgg19 (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "cifar100";
    facts.batch_size = 32;
    facts.epochs = 100;
    facts.l2_reg = 0.0005;
    facts.initial_loss = std::log(100.0) + 4.120;
    facts.note = "DeepOBS has no default batch size and epochs here; with 32 images a training step stays below 8 GB.";
    return facts;
  }
  Network network(const Random& random) const override { return blocks::vgg(19, 100, random, size_); }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    return deepobs_images("cifar100", request);
  }
  bool is_regularised(const std::string& parameter) const override { return blocks::is_weight(parameter); }

 private:
  int64_t size_;
};

BACKOBS_PROBLEM(Cifar100Vgg19, "VGG-19 on enlarged images of CIFAR-100")

}  // namespace backobs
