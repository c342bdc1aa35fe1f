// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <filesystem>
#include <string>
#include <vector>

namespace backobs {

/// What a plugin file says of itself, read from its ELF note without loading it (backobs/plugin_manifest.h).
struct Manifest {
  std::string kind, name, version, author, summary;
  std::vector<std::string> aliases;
  int interface_version = 0;
  std::string backobs, libtorch, sonames;
  int compiler_abi = 0, cxx11_abi = 0;
};

/// Throws PluginError: not an ELF file, truncated, no manifest, manifest too large or malformed, bad name.
BACKOBS_API Manifest read_manifest(const std::filesystem::path& file);
/// "libtorch: found 2.6.0, wanted 1.13.0" for every field that does not match this host; empty if all do.
BACKOBS_API std::vector<std::string> mismatches(const Manifest& manifest);

}  // namespace backobs
