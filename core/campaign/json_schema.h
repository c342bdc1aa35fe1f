// SPDX-License-Identifier: MIT
#pragma once

#include "host/registry.h"

#include <nlohmann/json.hpp>

namespace backobs {

/// A JSON schema (draft-07) of experiment files for the plugins of `registry`, so that editors complete and check names and
/// options. It accepts every file that `backobs run` accepts; what needs more than the file's form, such as a schedule
/// whose lists match, `backobs plan` alone finds. Loads every plugin.
BACKOBS_API nlohmann::ordered_json experiment_schema(const Registry& registry);

}  // namespace backobs
