// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

namespace backobs {

using at::Tensor;

/// Columns [first, first + count) of a root of weight (diag p - p p^T) per sample:
/// S[v,n,c] = sqrt(weight[n] p[n,v]) ([c = v] - p[n,c]), from p [n, C] and weight [n], both on the CPU.
/// One loop in place of a dozen operators, which small problems notice.
BACKOBS_API Tensor softmax_root(const Tensor& p, const Tensor& weight, int64_t first, int64_t count);
/// The same in tensor operations, on any device.
BACKOBS_API Tensor softmax_root_plainly(const Tensor& p, const Tensor& weight, int64_t first, int64_t count);

}  // namespace backobs
