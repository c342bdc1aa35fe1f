// SPDX-License-Identifier: MIT
#include "walk/block_group.h"

#include <backobs/per_sample.h>

#include <algorithm>

namespace backobs {
namespace {

using What = Need::What;

bool has_a_row_per_sample(const Need& need) {
  return need.what == What::columns || need.what == What::sample_squares || need.what == What::squared_norms;
}

/// Columns of one signal, whose number is known.
bool is_one_stack_of_columns(const std::vector<Need>& needs) {
  return needs.size() == 1 && needs[0].what == What::columns && !(needs[0].signal == SignalKey::hessian_residuals());
}

}  // namespace

Blocks blocks_of(const Extension& extension) {
  const auto* alone = dynamic_cast<const PerSample*>(&extension);
  if (!alone || !alone->treats_samples_alone()) return Blocks::none;
  return dynamic_cast<const PerColumn*>(&extension) ? Blocks::columns : Blocks::samples;
}

/// Values of a parameter with several uses are complete after the last of them alone.
Blocks blocks_at(const ExtensionInstance& instance, const ParameterInfo& parameter, const std::vector<Need>& needs) {
  if (parameter.shared || !std::all_of(needs.begin(), needs.end(), has_a_row_per_sample)) return Blocks::none;
  return instance.blocks == Blocks::columns && !is_one_stack_of_columns(needs) ? Blocks::samples : instance.blocks;
}

void join_group(std::vector<BlockGroup>& groups, Blocks blocks, const std::vector<Need>& needs, std::size_t extension) {
  const std::set<Need> own(needs.begin(), needs.end());
  auto group = std::find_if(groups.begin(), groups.end(), [&](const BlockGroup& other) {
    return other.blocks == blocks && (blocks == Blocks::samples || other.needs == own);
  });
  if (group == groups.end()) group = groups.insert(groups.end(), {blocks, {}, {}});
  group->needs.insert(own.begin(), own.end());
  group->extensions.push_back(extension);
}

}  // namespace backobs
