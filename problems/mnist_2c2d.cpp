// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/plugin.h>

#include <cmath>

namespace backobs {

/// Two convolutions and two dense layers on MNIST.
class Mnist2c2d : public Problem {
 public:
  explicit Mnist2c2d(const Options&) {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, mnist_2c2d (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "mnist";
    facts.batch_size = 128;
    facts.epochs = 100;
    facts.initial_loss = std::log(10.0);
    return facts;
  }
  Network network(const Random& random) const override { return blocks::net_2c2d(random); }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    return deepobs_images("mnist", request);
  }
};

BACKOBS_PROBLEM(Mnist2c2d, "Two convolutional and two dense layers on MNIST")

}  // namespace backobs
