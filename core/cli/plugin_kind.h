// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace backobs {

/// The kinds that plugins come in, in the order in which lists show them.
const std::vector<std::string>& plugin_kinds();
/// A kind from the command line, singular or plural: "problems" -> "problem". Throws UsageError with the nearest.
std::string plugin_kind(const std::string& text, const std::string& where);

}  // namespace backobs
