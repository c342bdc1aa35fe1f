// SPDX-License-Identifier: MIT
#include "campaign/instances.h"

#include <backobs/error.h>

#include "campaign/attribution.h"
#include "campaign/batches.h"

#include <algorithm>
#include <map>
#include <utility>

namespace backobs {
namespace {

constexpr const char* kHistogram = "histogram";

std::vector<std::pair<std::string, Reduction>> reductions(const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, Reduction>> all;
  for (const auto& name : names)
    if (name != kHistogram) all.emplace_back(name, reduction_named(name));
  return all;
}

}  // namespace

PassSettings pass_settings(const RunSettings& settings, std::shared_ptr<const Problem> problem) {
  PassSettings pass;
  pass.l2_reg = settings.loop.l2_reg;
  pass.is_regularised = [problem = std::move(problem)](const std::string& name) {
    return problem->is_regularised(name);
  };
  pass.penalty_in_quantities = settings.penalty_in_quantities;
  return pass;
}

ExtensionInstance make_instance(const Registry& registry, const Pass& pass, const std::string& problem,
                                const std::string& name, const std::string& plugin, const Options& options, bool in_blocks) {
  const AtWork mark("extension", plugin, "prepare");
  const std::shared_ptr<Extension> own = registry.make_extension(plugin, options);
  auto extension = attributed(plugin, own);
  extension->prepare({problem, pass.parameters()});
  return {name, std::move(extension), in_blocks ? blocks_of(*own) : Blocks::none};
}

Watched watched_by(const RunSettings& settings, const ExtensionSettings& extension, const Registry& registry, const Pass& pass) {
  const auto& record = extension.record;
  const bool histogram = std::find(record.begin(), record.end(), kHistogram) != record.end();
  Watched watched{{}, extension.every, reductions(record), histogram, extension.save_tensors, extension.budget};
  watched.instance = make_instance(registry, pass, settings.problem.name, extension.name, extension.plugin, extension.options,
                                   watched.joins_blocks());
  return watched;
}

std::vector<Watched> watched_by(const RunSettings& settings, const Registry& registry, const Pass& pass) {
  std::vector<Watched> all;
  for (const auto& extension : settings.extensions) all.push_back(watched_by(settings, extension, registry, pass));
  return all;
}

std::vector<ExtensionInstance> instances_of(const std::vector<Watched>& watched) {
  std::vector<ExtensionInstance> all;
  for (const Watched& one : watched) all.push_back(one.instance);
  return all;
}

std::vector<ExtensionInstance> wanted_by(const Runner& runner, const RunSettings& settings, const Registry& registry,
                                         const Pass& pass) {
  const std::string where = "runner `" + settings.runner.name + "`";
  std::vector<ExtensionInstance> wanted;
  const auto wants = [&] {
    const AtWork mark("runner", settings.runner.name, "wants");
    return runner.wants();
  };
  for (const Want& want : wants()) {
    const std::string plugin = registry.find("extension", want.extension, where).manifest.name;
    std::map<std::string, RawValue> raw;
    for (const auto& [name, text] : want.options) raw[name] = {{text}, false, false, where};
    const Options options = registry.schema("extension", plugin).check(raw, "extension `" + plugin + "`", where);
    const std::string name = "/" + want.extension;
    if (std::any_of(wanted.begin(), wanted.end(), [&](const auto& other) { return other.name == name; }))
      throw PluginError(where, "`" + want.extension + "` in wants() twice", "each name once");
    wanted.push_back(make_instance(registry, pass, settings.problem.name, name, plugin, options));
  }
  const auto refused = pass.refusals(wanted, settings.loop.batch_size);
  if (!refused.empty())
    throw ComputeError(
        where, "`" + refused[0].quantity.substr(1) + "` of `" + refused[0].parameter + "`: " + refused[0].reason,
        "a problem where it is defined for every parameter");
  return wanted;
}

void check_batch_size(const DataSource& data, const RunSettings& settings) {
  for (const Phase phase : {Phase::train, Phase::train_eval, Phase::valid, Phase::test}) {
    const Batches batches(data, phase, Random(settings.seed), settings.loop.batch_size);
    if (batches.count() < 1)
      throw ConfigError("problem `" + settings.problem.name + "`",
                        "batch_size = " + std::to_string(settings.loop.batch_size),
                        "at most " + std::to_string(batches.samples()) + ", the size of its set " + to_string(phase));
  }
}

}  // namespace backobs
