// SPDX-License-Identifier: MIT
#pragma once

#include "walk/plan.h"
#include "walk/sample_count.h"

namespace backobs {

/// What a pass over a part of a mini-batch cannot give, as ComputeError that names the extension: values that are not sums
/// over samples (the variance, averaged curvature), and products with the gradient, of which a part knows its own summand.
void refuse_what_does_not_add_up(const WalkPlan& plan, const SampleCount& count, int64_t step);

/// Samples that normalisation couples are normalised over all N or not at all.
void refuse_coupled_part(const SampleCount& count, int64_t step);

}  // namespace backobs
