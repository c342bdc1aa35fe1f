// SPDX-License-Identifier: MIT
// Nothing wrong with it: a layer of two inputs, with an example.
#include "bilinear_rule.h"

namespace {
using namespace backobs;

class TwoInputs final : public BilinearRule {
 public:
  using BilinearRule::BilinearRule;
  static std::vector<LayerExample> examples() {
    return {{std::make_shared<torch::nn::BilinearImpl>(3, 4, 2), {at::randn({5, 3}), at::randn({5, 4})}}};
  }
};
}  // namespace

BACKOBS_LAYER(TwoInputs, torch::nn::BilinearImpl, "Bilinear maps, by autograd")
