// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/sparse_rows.h"
#include "kernels/window_maxima.h"

/// Kernels that are written once, in *_body.h, and compiled for several sets of instructions.
namespace backobs {

template <typename T>
struct Kernels {
  sparse::RowKernels<T> rows;
  MaximumKernels<T> maxima;
};

/// The kernels for one set of instructions; null where the compiler knows none of them.
struct InstructionSet {
  const char* name;
  const Kernels<float>* single_precision;
  const Kernels<double>* double_precision;

  template <typename T>
  const Kernels<T>& kernels() const {
    if constexpr (sizeof(T) == sizeof(float)) return *single_precision;
    else return *double_precision;
  }
};
extern const InstructionSet kBaseline, kAvx2, kAvx512;

}  // namespace backobs
