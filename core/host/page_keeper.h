// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstddef>
#include <cstdint>

/// An allocator for LibTorch's CPU tensors that keeps its pages. Fresh pages cost more than the work on them: the kernel
/// clears and maps each at its first touch, which pages of 2 MiB make rarer but not free. Blocks of 64 KiB and more are
/// therefore kept when they are freed, by size class, and handed out again; smaller ones go to the C library, which is quick
/// with them, while it gives larger ones back to the kernel when they are at the end of its heap.
///
/// Size classes are eighths of a power of two. Who asks for a block gets the smallest that is free and large enough, unless it is
/// more than eight times as large. Where a fresh one is needed, free ones go back to the system until all blocks together are
/// at most a sixty-fourth more than the blocks that were ever in use at once, so that sizes which are needed one after the other do
/// not add up. What lies free never exceeds the limit. Blocks are aligned to 64 bytes. All functions are thread-safe.
namespace backobs {

/// Has LibTorch use it from now on, for this whole process; a program calls it once, before its threads. Tensors made before
/// stay with the allocator that made them. BACKOBS_KEEP_MIB is the limit in MiB, by default a quarter of the memory of the
/// machine or of the container; 0 leaves LibTorch's allocator. Throws UsageError for any other text.
BACKOBS_API void keep_pages();

/// Counted since the process began, over blocks of 64 KiB and more.
struct KeptPages {
  uint64_t fresh = 0;   ///< blocks asked of the system
  uint64_t reused = 0;  ///< blocks handed out again
  std::size_t kept_bytes = 0;   ///< free now, and held for later
  std::size_t limit_bytes = 0;  ///< 0: LibTorch's own allocator is in use
};
BACKOBS_API KeptPages kept_pages();

/// What lies free goes back to the system.
BACKOBS_API void give_back_pages();

}  // namespace backobs
