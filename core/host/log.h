// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <filesystem>

/// The host's side of backobs/log.h. Messages go to stderr from BACKOBS_LOG=debug|info|warn on (default: info),
/// coloured on a terminal unless NO_COLOR is set.
namespace backobs::log {

/// From now on messages are appended to `file` too, with their time; the file named before, if any, is closed.
BACKOBS_API void also_to(const std::filesystem::path& file);

}  // namespace backobs::log
