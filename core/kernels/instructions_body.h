// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/instruction_set.h"
#include "kernels/sparse_rows_body.h"
#include "kernels/window_maxima_body.h"

/// All kernels, for the instructions that the including file is compiled with.
namespace backobs {
namespace {

template <typename T>
constexpr Kernels<T> kKernels{{sparse::form<false, T>, sparse::form<true, T>}, {pool_alone<T>, pool<true, T>}};
constexpr Kernels<float> kSingle = kKernels<float>;
constexpr Kernels<double> kDouble = kKernels<double>;

}  // namespace
}  // namespace backobs
