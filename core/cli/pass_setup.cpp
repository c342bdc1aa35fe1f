// SPDX-License-Identifier: MIT
#include "cli/pass_setup.h"

#include "campaign/attribution.h"

namespace backobs {

std::vector<ExtensionInstance> make_extensions(Context& context, const std::vector<std::string>& names) {
  std::vector<ExtensionInstance> instances;
  auto wanted = context.extensions(names);
  if (wanted.empty())
    for (const auto& plugin : context.registry().list("extension")) wanted.push_back(plugin.manifest.name);
  for (const auto& plugin : wanted) {
    const auto options = context.registry().schema("extension", plugin).check({}, "extension `" + plugin + "`", "--extensions");
    instances.push_back({plugin, attributed(plugin, context.registry().make_extension(plugin, options))});
  }
  return instances;
}

PassSettings settings_of(const std::shared_ptr<Problem>& problem) {
  PassSettings settings;
  settings.l2_reg = problem->facts().l2_reg;
  settings.is_regularised = [problem](const std::string& name) { return problem->is_regularised(name); };
  return settings;
}

Batch first_batch(const DataSource& data, const Random& random, int64_t batch_size) {
  auto indices = data.order(Phase::train, random);
  if (static_cast<int64_t>(indices.size()) < batch_size)
    throw UsageError("--batch-size", std::to_string(batch_size), "at most " + std::to_string(indices.size()) + ", the training set");
  indices.resize(static_cast<std::size_t>(batch_size));
  return data.batch(Phase::train, indices, random);
}

}  // namespace backobs
