// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include <string>
#include <vector>

namespace backobs {

/// What becomes of a tensor before it enters the metrics log: one number, computed in double precision.
///
/// | name    | value over all entries x_i                                                       |
/// |---------|----------------------------------------------------------------------------------|
/// | mean    | sum_i x_i / n                                                                    |
/// | sum     | sum_i x_i                                                                        |
/// | norm    | sqrt(sum_i x_i^2)                                                                |
/// | max_abs | max_i |x_i|                                                                      |
/// | std     | sqrt(sum_i (x_i - mean)^2 / n)                                                   |
/// | min     | smallest entry                                                                   |
/// | max     | largest entry                                                                    |
/// | trace   | sum of the diagonal of a square matrix; of [..., D, D] the sum over all blocks   |
///
/// A NaN among the entries makes every result NaN; mean, std, min, max and max_abs of nothing are NaN as well.
using Reduction = double (*)(const Tensor&);

/// What a reduction gives of a whole from what it gives of two parts, with n_a and n_b entries.
using Joined = double (*)(double a, double n_a, double b, double n_b);
/// Null where the parts' results do not say it: std, trace.
BACKOBS_API Joined joined_by(const std::string& name);

BACKOBS_API const std::vector<std::string>& reduction_names();
/// What `record` takes: the reductions, and "histogram" (histogram.h), which is many numbers.
BACKOBS_API std::vector<std::string> record_names();
/// Throws ConfigError with the nearest name.
BACKOBS_API Reduction reduction_named(const std::string& name);

}  // namespace backobs
