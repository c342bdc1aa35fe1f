// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

/// Maps that copy: output pixel s of sample n and channel c is input pixel index[n,c,s] of the same channel. What
/// maximum pooling is once its winners are known.
namespace backobs::selection {

using at::Tensor;

/// The transposed map on columns: x[v,n,c,i] = sum of y[v,n,c,s] over the s with index[n,c,s] = i.
/// y [V, n, C, S], index [n, C, S] (int64) -> [V, n, C, image].
BACKOBS_API Tensor transposed(const Tensor& y, const Tensor& index, int64_t image);
BACKOBS_API Tensor transposed_plainly(const Tensor& y, const Tensor& index, int64_t image);

/// sum_n P_n^T M P_n with P_n the map of sample n: M [C S, C S] -> [C image, C image].
BACKOBS_API Tensor both_sides(const Tensor& mat, const Tensor& index, int64_t image);
BACKOBS_API Tensor both_sides_plainly(const Tensor& mat, const Tensor& index, int64_t image);

/// One block of it: sum_n P_n^T M Q_n for two channels with rows [n, S] and columns [n, S]; M [S, S] -> [image, image].
BACKOBS_API Tensor one_pair(const Tensor& mat, const Tensor& rows, const Tensor& columns, int64_t image);

}  // namespace backobs::selection
