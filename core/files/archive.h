// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace backobs {

/// Members of an archive that are wanted, by their path in it, with the largest size each may have.
using WantedMembers = std::map<std::string, uint64_t>;

/// Reads a tar archive, plain or gzip, once from begin to end and hands every wanted member to `take` with its content,
/// in the archive's order. Nothing is written anywhere.
/// Throws DataError naming the archive: damaged or truncated, an absolute path or one with "..", a link, device or other
/// special member, a wanted member that is there twice or larger than allowed, and an archive that unpacks to more
/// than the wanted members with some room for others, or has more than ten thousand members. A wanted member that is
/// absent is no error: `take` is not called for it.
BACKOBS_API void read_archive(const std::filesystem::path& archive, const WantedMembers& wanted,
                              const std::function<void(const std::string& name, std::vector<uint8_t> content)>& take);

}  // namespace backobs
