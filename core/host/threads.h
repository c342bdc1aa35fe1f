// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>

/// How many threads compute. OpenMP may give a loop fewer than were asked for, by OMP_THREAD_LIMIT or OMP_DYNAMIC. OpenBLAS has then
/// already cut its work into parts for all of them, and waits without end for parts that nobody takes.
namespace backobs {

/// The threads of the machine, or what OMP_THREAD_LIMIT allows if that is less.
BACKOBS_API int64_t available_threads();

/// Has everything compute with so many threads, no more and no fewer. Throws UsageError for more than OMP_THREAD_LIMIT allows.
BACKOBS_API void use_threads(int64_t threads);

}  // namespace backobs
