// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#if AT_PARALLEL_OPENMP && !defined(_OPENMP)
#error "LibTorch's loops are parallel through OpenMP: without it this code would stay on one thread"
#endif

namespace backobs {

/// As many parts as there are threads with something to do.
inline int64_t chunks_of(int64_t samples) { return std::min<int64_t>(at::get_num_threads(), samples); }

/// Calls body(chunk, first, last) for equal parts of [0, samples), one per thread; always the same parts.
template <typename Body>
void over_samples(int64_t samples, const Body& body, int64_t chunks) {
  at::parallel_for(0, chunks, 1, [&](int64_t begin, int64_t end) {
    at::NoGradGuard no_grad;
    for (auto chunk = begin; chunk < end; ++chunk) body(chunk, samples * chunk / chunks, samples * (chunk + 1) / chunks);
  });
}

}  // namespace backobs
