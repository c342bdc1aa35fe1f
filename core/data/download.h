// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace backobs {

/// Fetches `address` (http, https or file; redirections followed, but not to files) into `part`, going on where an earlier attempt stopped.
/// At most `most` bytes are accepted. Shows a bar on stderr where that is a terminal. Throws DataError with the
/// address and the reason; what arrived so far stays in `part`.
BACKOBS_API void download(const std::string& address, const std::filesystem::path& part, uint64_t most);

}  // namespace backobs
