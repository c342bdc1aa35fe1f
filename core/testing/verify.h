// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/testing/checks.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

/// All checks of one plugin file. Its manifest is read here; everything that runs its code happens in another process,
/// which is this program, started anew with the word kVerifyVerb. A crash, an exit or a hang there breaks the check at
/// hand and ends the verification.
namespace backobs::testing {

constexpr const char* kVerifyVerb = "__verify";

struct VerifySettings {
  std::filesystem::path file;
  int strictness = 5;
  uint64_t seed = 42;
  int threads = 1;
  std::chrono::seconds timeout{300};  ///< for all checks together
};

/// The checks in their order: "file", "manifest", "host", "load", "schema", those of its kind, "stdout".
BACKOBS_API std::vector<Check> verify(const VerifySettings& settings);
/// Whether none is broken.
BACKOBS_API bool is_kept(const std::vector<Check>& checks);

/// The other process, with the arguments that verify passes. Its exit code.
BACKOBS_API int verify_here(const std::vector<std::string>& arguments);

}  // namespace backobs::testing
