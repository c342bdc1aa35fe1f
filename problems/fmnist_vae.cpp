// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/data_views.h>
#include <backobs/plugin.h>

namespace backobs {

/// Variational autoencoder with a code of eight numbers on Fashion-MNIST. Its evaluation draws noise too, as
/// DeepOBS's does.
class FmnistVae : public Problem {
 public:
  static Schema schema() {
    return {Option::text("train_on", "split", "all: the images held out for validation too, as published baselines")
                .one_of({"split", "all"})};
  }
  explicit FmnistVae(const Options& options) : train_on_all_(options.text("train_on") == "all") {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, fmnist_vae (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "fmnist";
    facts.batch_size = 64;
    facts.epochs = 100;
    facts.initial_loss = 133.0;
    facts.note =
        "The first loss is that of the real images; evaluations draw noise, so that losses vary a little.";
    return facts;
  }
  Network network(const Random& random) const override { return blocks::vae(random); }
  std::shared_ptr<const LossRule> loss() const override { return variational_autoencoder(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    const auto images = deepobs_images("fmnist", request);
    return images_as_targets(train_on_all_ ? with_held_out_images(images) : images);
  }

 private:
  bool train_on_all_;
};

BACKOBS_PROBLEM(FmnistVae, "Variational autoencoder on Fashion-MNIST")

}  // namespace backobs
