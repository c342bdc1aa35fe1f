// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace backobs {

/// One entry per effective setting of settings_json, as text: runner and loop options by their names, others as
/// `problem.OPTION` and `EXTENSION.OPTION`. Problem, runner, seed and places of files are not among them.
BACKOBS_API std::map<std::string, std::string> flat_settings(const nlohmann::ordered_json& settings);

}  // namespace backobs
