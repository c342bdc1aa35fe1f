// SPDX-License-Identifier: MIT
#include "host/threads.h"

#include <backobs/error.h>

#include <ATen/Parallel.h>
#include <omp.h>

#include <algorithm>
#include <string>
#include <thread>

namespace backobs {

int64_t available_threads() {
  const int64_t machine = std::thread::hardware_concurrency(), limit = omp_get_thread_limit();
  return std::max<int64_t>(1, std::min(machine, limit));
}

void use_threads(int64_t threads) {
  const int64_t limit = omp_get_thread_limit();
  if (threads > limit)
    throw UsageError("threads", std::to_string(threads), "at most " + std::to_string(limit) + ", which OMP_THREAD_LIMIT allows");
  omp_set_dynamic(0);
  at::set_num_threads(static_cast<int>(threads));
}

}  // namespace backobs
