// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace backobs {

/// The description of the first note with this owner and type in the program headers (PT_NOTE) of a 64-bit
/// little-endian shared library for this machine; empty if there is none. The file is read, never loaded, and every
/// offset in it is taken for hostile: nothing outside the file is touched, and no more than the headers and notes of
/// up to `limit` bytes are kept.
///
/// Throws PluginError: not a regular file, not ELF, another class, byte order, machine or type, truncated (a header,
/// a segment or the section table ends behind the file: loading it could crash), a malformed or too large note.
BACKOBS_API std::optional<std::string> read_elf_note(const std::filesystem::path& file, std::string_view owner,
                                                     uint32_t type, std::size_t limit);

}  // namespace backobs
