// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace backobs {

/// What may stand in place of the last of `words`, which may be empty or begun: verbs, flags, choices, names of plugins.
/// Plugins are known by their manifests; none is loaded. Empty where a file or a free text belongs.
std::vector<std::string> completions(const CLI::App& app, std::vector<std::string> words);

}  // namespace backobs
