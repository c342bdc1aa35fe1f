// SPDX-License-Identifier: MIT
#include <backobs/testing/extension_under_test.h>

#include "walk/pass.h"

#include <utility>

namespace backobs::testing {
namespace {

/// The name under which results appear; it is taken off again.
const std::string kName = "tested";

PassSettings settings_of(const PassChoices& choices) {
  PassSettings settings;
  settings.l2_reg = choices.l2_reg;
  settings.is_regularised = [](const std::string&) { return true; };
  settings.tiling.samples = choices.samples_per_tile;
  settings.tiling.columns = choices.columns_per_tile;
  return settings;
}

}  // namespace

struct ExtensionUnderTest::Impl {
  ExtensionInstance instance;
  const Network& network;
  PassChoices choices;
  Pass pass;
};

ExtensionUnderTest::ExtensionUnderTest(std::shared_ptr<Extension> extension, const Network& network,
                                       std::shared_ptr<const LossRule> loss, const PassChoices& choices)
    : impl_(new Impl{{kName, std::move(extension)}, network, choices, {network, std::move(loss), settings_of(choices)}}) {
  impl_->instance.extension->prepare({"test", impl_->pass.parameters()});
}
ExtensionUnderTest::~ExtensionUnderTest() = default;

PassResults ExtensionUnderTest::pass(const Batch& batch, int64_t step) {
  PassResults results;
  for (const auto& refusal : impl_->pass.refusals({impl_->instance}, batch.size))
    results.refused[refusal.parameter] = refusal.reason;
  const auto sink = [&](const std::string& quantity, const std::string& parameter, ResultValue value) {
    if (!parameter.empty())
      results.parameters[parameter] = std::move(value).operator TensorList();
    else if (quantity.size() > kName.size())
      results.values[quantity.substr(kName.size() + 1)] = value.tensors.front();
  };
  const PassInfo info{batch.size, 0, step, Random(impl_->choices.seed).at(0, step)};
  results.loss = impl_->pass.run(batch, info, impl_->choices.training, {impl_->instance}, sink).evaluation.loss;
  for (const auto& parameter : impl_->network.parameters())
    if (parameter.trainable() && parameter.value.grad().defined())
      results.gradients[parameter.name] = parameter.value.grad().clone();
  return results;
}

}  // namespace backobs::testing
