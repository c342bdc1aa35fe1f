// SPDX-License-Identifier: MIT
#include "kernels/instruction_sets.h"

namespace backobs {
namespace {

#if defined(__x86_64__)
bool has_avx512() { return __builtin_cpu_supports("avx512f"); }
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
bool has_avx512() { return false; }
bool has_avx2() { return false; }
#endif

std::vector<const InstructionSet*> supported_sets() {
  std::vector<const InstructionSet*> found;
  if (kAvx512.single_precision && has_avx512()) found.push_back(&kAvx512);
  if (kAvx2.single_precision && has_avx2()) found.push_back(&kAvx2);
  found.push_back(&kBaseline);
  return found;
}

}  // namespace

const std::vector<const InstructionSet*>& instruction_sets() {
  static const auto found = supported_sets();
  return found;
}

}  // namespace backobs
