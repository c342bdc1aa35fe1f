// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/instruction_set.h"

#include <backobs/export.h>

#include <vector>

namespace backobs {

/// The sets of instructions that this processor has, the best first.
BACKOBS_API const std::vector<const InstructionSet*>& instruction_sets();

/// The kernels of the best of them.
template <typename T>
const Kernels<T>& best_kernels() { return instruction_sets().front()->kernels<T>(); }

}  // namespace backobs
