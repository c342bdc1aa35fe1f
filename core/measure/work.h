// SPDX-License-Identifier: MIT
#pragma once

#include "walk/pass.h"

#include <backobs/export.h>
#include <backobs/network.h>

#include <cstdint>
#include <vector>

namespace backobs {

/// What one pass cannot do without, counted by shapes alone; docs/performance.md has the formulas.
struct Work {
  double operations = 0;  ///< multiplications and additions of the products of matrices
  double bytes = 0;       ///< outputs of every node and the gradient, written once; results are not in it
};

/// The work of a pass over `batch_size` samples with these extensions. `element_size` is in bytes. Counted are layers that
/// are affine in a weight; what is elementwise, and residuals of curved layers, are left out: the count is from below.
BACKOBS_API Work count_work(const Network& network, const std::vector<ParameterInfo>& parameters,
                            const std::vector<ExtensionInstance>& extensions, int64_t batch_size, int64_t element_size);

}  // namespace backobs
