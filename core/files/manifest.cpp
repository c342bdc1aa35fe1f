// SPDX-License-Identifier: MIT
#include "files/manifest.h"

#include <backobs/error.h>
#include <backobs/plugin_manifest.h>

#include "files/elf_note.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace backobs {
namespace {

using nlohmann::json;

constexpr std::size_t kLargestManifest = std::size_t{64} << 10;
const std::vector<std::string> kKinds = {"problem", "extension", "runner", "layer"};

json parse(const std::string& where, std::string text) {
  text.erase(text.find_last_not_of('\0') + 1);  // the note holds a C string
  json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) throw PluginError(where, "a malformed manifest", "a JSON object");
  return document;
}

/// Control characters could play tricks on the terminal that shows them.
std::string read_text(const json& document, const std::string& where, const char* field) {
  const auto value = document.find(field);
  if (value == document.end() || !value->is_string())
    throw PluginError(where, std::string("a manifest without text `") + field + "`", "all fields");
  const auto text = value->get<std::string>();
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), is_control))
    throw PluginError(where, std::string("a manifest with control characters in `") + field + "`", "plain text");
  return text;
}

int read_integer(const json& document, const std::string& where, const char* field) {
  const auto value = document.find(field);
  if (value == document.end() || !value->is_number_integer())
    throw PluginError(where, std::string("a manifest without integer `") + field + "`", "all fields");
  const auto number = value->is_number_unsigned() ? value->get<uint64_t>() : uint64_t(0);
  if (!value->is_number_unsigned() || number > uint64_t(std::numeric_limits<int>::max()))
    throw PluginError(where, std::string("a manifest with `") + field + "` out of range", "a small positive integer");
  return static_cast<int>(number);
}

bool is_word(const std::string& text, bool capitals) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (capitals && c >= 'A' && c <= 'Z');
  });
}

std::vector<std::string> split_aliases(const std::string& where, const std::string& text) {
  std::vector<std::string> aliases;
  for (std::size_t first = 0; first < text.size();) {
    const std::size_t comma = std::min(text.find(',', first), text.size());
    std::string alias = text.substr(first, comma - first);
    alias.erase(0, alias.find_first_not_of(' '));
    if (!is_word(alias, true)) throw PluginError(where, "alias `" + alias + "`", "letters, digits and _");
    aliases.push_back(std::move(alias));
    first = comma + 1;
  }
  return aliases;
}

void check_name(const std::string& where, const std::string& stem, const Manifest& manifest) {
  if (std::find(kKinds.begin(), kKinds.end(), manifest.kind) == kKinds.end())
    throw PluginError(where, "kind `" + manifest.kind + "`", "problem, extension, runner or layer");
  if (!is_word(manifest.name, false))
    throw PluginError(where, "name `" + manifest.name + "`", "small letters, digits and _");
  if (manifest.name != stem) throw PluginError(where, "name `" + manifest.name + "`", "the file's stem `" + stem + "`");
}

int interface_version(const std::string& kind) {
  if (kind == "problem") return BACKOBS_INTERFACE_problem;
  if (kind == "extension") return BACKOBS_INTERFACE_extension;
  return kind == "runner" ? BACKOBS_INTERFACE_runner : BACKOBS_INTERFACE_layer;
}

void compare(std::vector<std::string>& differences, const std::string& field, const std::string& found,
             const std::string& wanted) {
  if (found != wanted)
    differences.push_back(field + ": found " + (found.empty() ? "nothing" : found) + ", wanted " + wanted);
}

}  // namespace

Manifest read_manifest(const std::filesystem::path& file) {
  const std::string where = file.string();
  auto note = read_elf_note(file, "BackOBS", 1, kLargestManifest);
  if (!note) throw PluginError(where, "a shared library without manifest", "a BackOBS plugin");
  const json document = parse(where, std::move(*note));
  Manifest manifest;
  manifest.kind = read_text(document, where, "kind");
  manifest.name = read_text(document, where, "name");
  manifest.version = read_text(document, where, "version");
  manifest.author = read_text(document, where, "author");
  manifest.summary = read_text(document, where, "summary");
  manifest.aliases = split_aliases(where, read_text(document, where, "aliases"));
  manifest.interface_version = read_integer(document, where, "interface");
  manifest.backobs = read_text(document, where, "backobs");
  manifest.libtorch = read_text(document, where, "libtorch");
  manifest.sonames = read_text(document, where, "sonames");
  manifest.compiler_abi = read_integer(document, where, "compiler_abi");
  manifest.cxx11_abi = read_integer(document, where, "cxx11_abi");
  check_name(where, file.stem().string(), manifest);
  return manifest;
}

// The version of backobs itself is not compared: the interface version says when a class of the seam has changed.
std::vector<std::string> mismatches(const Manifest& manifest) {
  std::vector<std::string> differences;
  compare(differences, "interface", std::to_string(manifest.interface_version),
          std::to_string(interface_version(manifest.kind)));
  compare(differences, "libtorch", manifest.libtorch, BACKOBS_TORCH_VERSION);
  compare(differences, "sonames", manifest.sonames, BACKOBS_TORCH_SONAMES);
  compare(differences, "compiler_abi", std::to_string(manifest.compiler_abi), std::to_string(__GXX_ABI_VERSION));
  compare(differences, "cxx11_abi", std::to_string(manifest.cxx11_abi), std::to_string(_GLIBCXX_USE_CXX11_ABI));
  return differences;
}

}  // namespace backobs
