// SPDX-License-Identifier: MIT
#include "host/machine.h"
#include "host/openblas.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace backobs {
namespace {

TEST(JudgeBlas, TellsTheBuildsApart) {
  const std::string lib = "/usr/lib/x86_64-linux-gnu/";
  EXPECT_EQ(judge_blas({lib + "openblas-openmp/libblas.so.3"}).rfind("OpenBLAS with OpenMP", 0), 0u);
  EXPECT_EQ(judge_blas({lib + "openblas-pthread/libopenblasp-r0.3.21.so"}).rfind("OpenBLAS with threads of its own", 0),
            0u);
  EXPECT_EQ(judge_blas({lib + "blas/libblas.so.3.11.0"}).rfind("reference BLAS", 0), 0u);
  EXPECT_EQ(judge_blas({}).rfind("none", 0), 0u);
}

TEST(InspectMachine, FindsTheLibraryThatIsMapped) {
  const Machine machine = inspect_machine();
  EXPECT_NE(machine.torch_library.find("libtorch_cpu"), std::string::npos);
  EXPECT_FALSE(machine.cpu_capability.empty());
  EXPECT_NE(machine.cpu_capability, "unknown");
}

TEST(OpenBlas, ComputesWithWhatTheProcessorHas) {
#if defined(__x86_64__)
  if (openblas_kernels().empty()) GTEST_SKIP() << "another BLAS";
  if (std::getenv("OPENBLAS_CORETYPE")) GTEST_SKIP() << "OPENBLAS_CORETYPE decides";
  if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "an old processor";
  EXPECT_FALSE(predates_avx2(openblas_kernels())) << openblas_kernels();
#else
  GTEST_SKIP() << "another family of processors";
#endif
}

}  // namespace
}  // namespace backobs
