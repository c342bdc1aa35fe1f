// SPDX-License-Identifier: MIT
#include "host/machine.h"

#include <ATen/Version.h>

#include <algorithm>
#include <fstream>
#include <set>

namespace backobs {
namespace {

/// Files mapped into this process, each once.
std::set<std::string> mapped_files() {
  std::set<std::string> files;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const std::size_t slash = line.find('/');
    if (slash != std::string::npos) files.insert(line.substr(slash));
  }
  return files;
}

bool starts_with(const std::string& text, const std::string& head) { return text.compare(0, head.size(), head) == 0; }

bool is_blas(const std::string& file) {
  const std::string name = file.substr(file.rfind('/') + 1);
  for (const char* head : {"libblas", "libopenblas", "libmkl_", "libblis", "libatlas", "libcblas"})
    if (starts_with(name, head)) return true;
  return false;
}

bool any_contains(const std::vector<std::string>& files, const std::string& part) {
  return std::any_of(files.begin(), files.end(),
                     [&](const std::string& f) { return f.find(part) != std::string::npos; });
}

/// LibTorch 1.13 tells it in this text only: "... - CPU capability usage: AVX2".
std::string cpu_capability() {
  const std::string config = at::show_config(), label = "CPU capability usage: ";
  const std::size_t found = config.find(label);
  if (found == std::string::npos) return "unknown";
  const std::size_t first = found + label.size();
  return config.substr(first, config.find('\n', first) - first);
}

}  // namespace

std::string judge_blas(const std::vector<std::string>& libraries) {
  if (libraries.empty()) return "none as a library of its own: LibTorch brings what it uses";
  if (any_contains(libraries, "openblas-openmp") || any_contains(libraries, "libopenblaso"))
    return "OpenBLAS with OpenMP: shares its threads with LibTorch";
  if (any_contains(libraries, "openblas-pthread") || any_contains(libraries, "libopenblasp"))
    return "OpenBLAS with threads of its own, which compete with LibTorch's: install libopenblas0-openmp and build "
           "again";
  if (any_contains(libraries, "libmkl_")) return "MKL";
  if (any_contains(libraries, "libblis")) return "BLIS";
  if (any_contains(libraries, "libopenblas")) return "OpenBLAS of unknown threading";
  return "reference BLAS, many times slower than need be: install libopenblas0-openmp and build again";
}

Machine inspect_machine() {
  Machine machine;
  machine.cpu_capability = cpu_capability();
  for (const auto& file : mapped_files()) {
    if (is_blas(file)) machine.blas_libraries.push_back(file);
    if (file.find("/libtorch_cpu.so") != std::string::npos) machine.torch_library = file;
  }
  machine.blas_verdict = judge_blas(machine.blas_libraries);
  return machine;
}

}  // namespace backobs
