// SPDX-License-Identifier: MIT
#pragma once

#include <utility>
#include <vector>

namespace backobs {

/// The scripts of core/cli/completion by shell, compiled in: {"bash", "…"}.
const std::vector<std::pair<const char*, const char*>>& completion_scripts();

}  // namespace backobs
