// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/settings.h"
#include "host/registry.h"

#include <backobs/state.h>

#include <nlohmann/json.hpp>

#include <map>
#include <string>

/// What a run's bits depend on beside its settings. By name, as messages and run.json show it.
namespace backobs {

using Facts = std::map<std::string, std::string>;

/// cpu_capability, blas (files, and the kernels OpenBLAS chose), libtorch, backobs.
BACKOBS_API Facts machine_facts();
/// "extension variance" and so on: SHA-256 of each plugin file the run uses.
BACKOBS_API Facts plugin_facts(const RunSettings& settings, const Registry& registry);

/// Those of `run.json` under a key, "machine" or "plugin_digests"; empty if it has none.
BACKOBS_API Facts facts_of(const nlohmann::ordered_json& record, const char* key);
/// Those of a checkpoint under a prefix, "machine" or "plugin".
BACKOBS_API Facts facts_of(const State& checkpoint, const std::string& prefix);

/// "blas: found A, wanted B" for what differs, joined with "; "; empty if nothing does.
BACKOBS_API std::string difference(const Facts& found, const Facts& wanted);

}  // namespace backobs
