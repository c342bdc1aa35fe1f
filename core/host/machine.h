// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <string>
#include <vector>

namespace backobs {

/// What this process computes with.
struct Machine {
  std::string cpu_capability;               ///< instruction set LibTorch chose: "AVX2"
  std::vector<std::string> blas_libraries;  ///< files that are really mapped, however the system names them
  std::string blas_verdict;                 ///< what that means for speed, and what to do about it
  std::string torch_library;                ///< file of libtorch_cpu
};
BACKOBS_API Machine inspect_machine();

/// What the files say about the BLAS in use: which build, and whether its threads fit LibTorch's.
BACKOBS_API std::string judge_blas(const std::vector<std::string>& libraries);

}  // namespace backobs
