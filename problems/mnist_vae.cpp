// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/data_views.h>
#include <backobs/plugin.h>

namespace backobs {

/// Variational autoencoder with a code of eight numbers on MNIST. Its evaluation draws noise too, as DeepOBS's does.
class MnistVae : public Problem {
 public:
  static Schema schema() {
    return {Option::text("train_on", "split", "all: the images held out for validation too, as published baselines")
                .one_of({"split", "all"})};
  }
  explicit MnistVae(const Options& options) : train_on_all_(options.text("train_on") == "all") {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, mnist_vae (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "mnist";
    facts.batch_size = 64;
    facts.epochs = 50;
    facts.initial_loss = 181.46;
    facts.note =
        "The first loss is that of the real images; evaluations draw noise, so that losses vary a little.";
    return facts;
  }
  Network network(const Random& random) const override { return blocks::vae(random); }
  std::shared_ptr<const LossRule> loss() const override { return variational_autoencoder(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    const auto images = deepobs_images("mnist", request);
    return images_as_targets(train_on_all_ ? with_held_out_images(images) : images);
  }

 private:
  bool train_on_all_;
};

BACKOBS_PROBLEM(MnistVae, "Variational autoencoder on MNIST")

}  // namespace backobs
