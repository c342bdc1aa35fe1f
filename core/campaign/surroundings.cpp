// SPDX-License-Identifier: MIT
#include "campaign/surroundings.h"

#include <backobs/abi.h>

#include "campaign/training_state.h"
#include "files/checksum.h"
#include "host/machine.h"
#include "host/openblas.h"

namespace backobs {
namespace {

constexpr uint64_t kLargestPlugin = uint64_t{1} << 32;

std::string blas_of(const Machine& machine) {
  std::string text;
  for (const auto& file : machine.blas_libraries) text += (text.empty() ? "" : " ") + file;
  const std::string kernels = openblas_kernels();
  return kernels.empty() ? text : text + " " + kernels;
}

}  // namespace

Facts machine_facts() {
  const Machine machine = inspect_machine();
  return {{"cpu_capability", machine.cpu_capability},
          {"blas", blas_of(machine)},
          {"libtorch", BACKOBS_TORCH_VERSION},
          {"backobs", BACKOBS_VERSION}};
}

Facts plugin_facts(const RunSettings& settings, const Registry& registry) {
  Facts facts;
  const auto add = [&](const char* kind, const std::string& name) {
    const auto& file = registry.find(kind, name, "").file;
    facts[std::string(kind) + " " + name] = content_checksum(file, Digest::sha256, kLargestPlugin);
  };
  add("problem", settings.problem.name);
  add("runner", settings.runner.name);
  for (const auto& extension : settings.extensions) add("extension", extension.plugin);
  for (const auto& layer : registry.list("layer")) add("layer", layer.manifest.name);
  return facts;
}

Facts facts_of(const nlohmann::ordered_json& record, const char* key) {
  Facts facts;
  if (record.is_object() && record.contains(key))
    for (const auto& [name, value] : record[key].items()) facts[name] = value.get<std::string>();
  return facts;
}

Facts facts_of(const State& checkpoint, const std::string& prefix) {
  Facts facts;
  const State part = part_of(checkpoint, prefix);
  for (const auto& [name, value] : part.values()) facts[name] = part.text(name);
  return facts;
}

std::string difference(const Facts& found, const Facts& wanted) {
  std::string text;
  const auto add = [&](const std::string& name, const std::string& there, const std::string& here) {
    text += (text.empty() ? "" : "; ") + name + ": found " + there + ", wanted " + here;
  };
  for (const auto& [name, value] : wanted) {
    const auto at = found.find(name);
    if (at == found.end() || at->second != value) add(name, at == found.end() ? "nothing" : at->second, value);
  }
  for (const auto& [name, value] : found)
    if (!wanted.count(name)) add(name, value, "nothing");
  return text;
}

}  // namespace backobs
