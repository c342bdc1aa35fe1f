// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <filesystem>
#include <optional>
#include <string>

namespace backobs {

/// Why code from this file or folder is not loaded: everybody may write to it, or it belongs to somebody other than
/// root and the caller. Empty if it is fine, or if BACKOBS_TRUST_ALL_PLUGINS=1 says that all are.
BACKOBS_API std::optional<std::string> distrust(const std::filesystem::path& path);

}  // namespace backobs
