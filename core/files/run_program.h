// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <filesystem>
#include <string>
#include <vector>

namespace backobs {

/// The file that `name` means on PATH; empty if there is none.
BACKOBS_API std::filesystem::path program_on_path(const std::string& name);

/// Runs a program in `folder` and waits for it. No shell is involved: every argument arrives as it is. It reads
/// nothing; what it writes goes to `log`. Returns its exit status, 128 + the signal if one ended it, 127 if it could not
/// be started.
BACKOBS_API int run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                            const std::filesystem::path& folder, const std::filesystem::path& log);

}  // namespace backobs
