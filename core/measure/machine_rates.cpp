// SPDX-License-Identifier: MIT
#include "measure/machine_rates.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <string>

namespace backobs {
namespace {

template <typename Work>
double best_seconds(int trials, Work work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < trials; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double status_mib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(key + ":", 0) == 0) return std::stod(line.substr(key.size() + 1)) / 1024;
  return 0;
}

}  // namespace

MachineRates measure_machine_rates(c10::ScalarType dtype) {
  constexpr int64_t n = 1024;
  constexpr double bytes = 64.0 * 1024 * 1024;
  const auto a = at::ones({n, n}, dtype), b = at::ones({n, n}, dtype);
  auto product = at::zeros({n, n}, dtype);
  auto filled = at::zeros({static_cast<int64_t>(bytes) / static_cast<int64_t>(c10::elementSize(dtype))}, dtype);
  const double product_seconds = best_seconds(8, [&] { at::mm_out(product, a, b); });
  const double fill_seconds = best_seconds(8, [&] { filled.fill_(1); });
  return {2.0 * n * n * n / product_seconds, bytes / fill_seconds};
}

ResidentMemory resident_memory() { return {status_mib("VmRSS"), status_mib("VmHWM")}; }

bool forget_peak() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

}  // namespace backobs
