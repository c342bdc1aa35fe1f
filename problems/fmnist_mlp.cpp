// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/plugin.h>

#include <cmath>

namespace backobs {

/// A multi-layer perceptron, 784-1000-500-100-10 with ReLU, on Fashion-MNIST.
class FmnistMlp : public Problem {
 public:
  explicit FmnistMlp(const Options&) {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, fmnist_mlp (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "fmnist";
    facts.batch_size = 128;
    facts.epochs = 100;
    facts.initial_loss = std::log(10.0);
    return facts;
  }
  Network network(const Random& random) const override { return blocks::mlp(random); }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    return image_source(load_images("fmnist", request), request, 10000);
  }
};

BACKOBS_PROBLEM(FmnistMlp, "Multi-layer perceptron with three hidden layers on Fashion-MNIST")

}  // namespace backobs
