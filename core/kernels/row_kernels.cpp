// SPDX-License-Identifier: MIT
#include "kernels/row_kernels.h"

namespace backobs::sparse {
namespace {

#if defined(__x86_64__)
bool has_avx512() { return __builtin_cpu_supports("avx512f"); }
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
bool has_avx512() { return false; }
bool has_avx2() { return false; }
#endif

const InstructionSet& best() {
  static const InstructionSet& found = *instruction_sets().front();
  return found;
}

}  // namespace

std::vector<const InstructionSet*> instruction_sets() {
  std::vector<const InstructionSet*> found;
  if (kAvx512.single_precision && has_avx512()) found.push_back(&kAvx512);
  if (kAvx2.single_precision && has_avx2()) found.push_back(&kAvx2);
  found.push_back(&kBaseline);
  return found;
}

template <>
const RowKernels<float>& row_kernels<float>() { return *best().single_precision; }
template <>
const RowKernels<double>& row_kernels<double>() { return *best().double_precision; }

}  // namespace backobs::sparse
