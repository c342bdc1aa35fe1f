// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/sparse_rows.h"

#include <vector>

namespace backobs::sparse {

/// The sets of instructions that this processor has, the best first.
BACKOBS_API std::vector<const InstructionSet*> instruction_sets();

/// The kernels of the best of them.
template <typename T>
const RowKernels<T>& row_kernels();
template <>
BACKOBS_API const RowKernels<float>& row_kernels<float>();
template <>
BACKOBS_API const RowKernels<double>& row_kernels<double>();

}  // namespace backobs::sparse
