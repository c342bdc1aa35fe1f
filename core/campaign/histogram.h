// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace backobs {

/// How many entries of a tensor lie in each decade, by its name: "1e-05" for 1e-05 <= x < 1e-04, "-1e-05" for the negative
/// ones of that size, "0", "nan", "inf", "-inf". Bins are the same for every tensor, so that steps and parameters compare.
/// Values below 1e-45 count as 0, those from 1e+38 on as infinite. From the smallest to the largest; empty bins are left
/// out.
BACKOBS_API std::vector<std::pair<std::string, int64_t>> decade_histogram(const Tensor& values);

}  // namespace backobs
