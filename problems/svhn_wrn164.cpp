// SPDX-License-Identifier: MIT
#include <backobs/blocks.h>
#include <backobs/plugin.h>

#include <cmath>

namespace backobs {

/// Wide residual network 16-4 on SVHN. The penalty leaves scales of normalisation layers out.
class SvhnWrn164 : public Problem {
 public:
  explicit SvhnWrn164(const Options&) {}

  ProblemFacts facts() const override {
    ProblemFacts facts;
    facts.source = "DeepOBS, svhn_wrn164 (Schneider, Balles, Hennig, ICLR 2019)";
    facts.data_set = "svhn";
    facts.batch_size = 128;
    facts.epochs = 160;
    facts.l2_reg = 0.0005;
    facts.initial_loss = std::log(10.0) + 0.48288;
    return facts;
  }
  Network network(const Random& random) const override { return blocks::wide_resnet(2, 4, 10, random); }
  std::shared_ptr<const LossRule> loss() const override { return cross_entropy(); }
  std::shared_ptr<const DataSource> data(const DataRequest& request) const override {
    return deepobs_images("svhn", request);
  }
  bool is_regularised(const std::string& parameter) const override {
    return blocks::is_conv_or_dense_weight(parameter);
  }
};

BACKOBS_PROBLEM(SvhnWrn164, "Wide residual network 16-4 on SVHN")

}  // namespace backobs
