// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <c10/core/ScalarType.h>

namespace backobs {

/// What this machine does at best with LibTorch's thread count: the best of several short trials.
struct MachineRates {
  double operations_per_second = 0;  ///< product of two 1024 x 1024 matrices, 2 * 1024^3 operations
  double bytes_per_second = 0;       ///< filling 64 MiB that are already mapped
};
BACKOBS_API MachineRates measure_machine_rates(c10::ScalarType dtype);

/// Resident memory of this process in MiB, from /proc; 0 where there is none.
struct ResidentMemory {
  double now_mib = 0;
  double peak_mib = 0;  ///< since the process began or forget_peak() succeeded
};
BACKOBS_API ResidentMemory resident_memory();
/// Lets the peak start again from what is resident now; false where the system does not allow it.
BACKOBS_API bool forget_peak();

}  // namespace backobs
