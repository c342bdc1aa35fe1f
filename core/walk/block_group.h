// SPDX-License-Identifier: MIT
#pragma once

#include "walk/pass.h"

#include <cstddef>
#include <set>
#include <vector>

namespace backobs {

/// Extensions that see a parameter in the same blocks of its values, one after the other, while the signals pass it.
struct BlockGroup {
  Blocks blocks = Blocks::samples;
  std::set<Need> needs;                 ///< of Blocks::columns exactly one, the columns of a signal
  std::vector<std::size_t> extensions;  ///< indices into WalkPlan::extensions
};

/// The blocks in which the parameter's values can come to this extension, by what both allow.
Blocks blocks_at(const ExtensionInstance& instance, const ParameterInfo& parameter, const std::vector<Need>& needs);

/// Puts the extension with others whose blocks are the same, or into a group of its own.
void join_group(std::vector<BlockGroup>& groups, Blocks blocks, const std::vector<Need>& needs, std::size_t extension);

}  // namespace backobs
