// SPDX-License-Identifier: MIT
#include "walk/micro_batch.h"

#include <backobs/error.h>

namespace backobs {
namespace {

std::string where(const SampleCount& count, int64_t step) {
  return "pass over " + std::to_string(count.samples) + " of " + std::to_string(count.batch_size) + " samples, step " +
         std::to_string(step);
}

bool adds_up(const Need& need) {
  return need.what != Need::What::variance && need.signal.kind != SignalKey::Kind::averaged_curvature &&
         !(need.what == Need::What::product && need.vectors == kGradientVectors);
}

}  // namespace

void refuse_what_does_not_add_up(const WalkPlan& plan, const SampleCount& count, int64_t step) {
  for (std::size_t e = 0; e < plan.extensions.size(); ++e)
    for (const auto& need : plan.needs_of_extension[e])
      if (!adds_up(need))
        throw ComputeError(where(count, step), "extension `" + plan.extensions[e].name + "`, which reads " + need.to_string(),
                           "the whole mini-batch, or quantities that add up over its parts");
}

void refuse_coupled_part(const SampleCount& count, int64_t step) {
  throw ComputeError(where(count, step), "normalisation over the batch", "the whole mini-batch, over which it normalises");
}

}  // namespace backobs
