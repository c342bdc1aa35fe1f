// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <string>

/// Messages to the user, on stderr and in the run's log. Plugins never write to stdout or stderr themselves.
namespace backobs::log {

BACKOBS_API void debug(const std::string& message);  ///< shown when BACKOBS_LOG=debug
BACKOBS_API void info(const std::string& message);
BACKOBS_API void warn(const std::string& message);

}  // namespace backobs::log
