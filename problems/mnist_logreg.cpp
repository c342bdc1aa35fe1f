// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/plugin.h>

#include <cmath>

namespace backobs {

/// Logistic regression on MNIST. All parameters start at 0, so the first loss is ln 10 for any data.
class MnistLogreg : public Problem {
 public:
  explicit MnistLogreg(const Options&) {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, mnist_logreg (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "mnist";
    facts.batch_size = 128;
    facts.epochs = 50;
    facts.initial_loss = std::log(10.0);
    return facts;
  }
  Network network(const Random&) const override { return blocks::logreg(); }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    return image_source(load_images("mnist", request), request, 10000);
  }
};

BACKOBS_PROBLEM(MnistLogreg, "Logistic regression on MNIST")

}  // namespace backobs
