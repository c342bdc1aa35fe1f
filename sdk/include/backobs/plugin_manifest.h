// SPDX-License-Identifier: MIT
#pragma once

/// The manifest: what a plugin is and was built with, as JSON in an allocated ELF note (".note.backobs", owner
/// "BackOBS", type 1). The host reads it from the file, before any code of the plugin runs, and refuses field by
/// field. It survives strip and section garbage collection.

#include <backobs/abi.h>

#include <cstddef>
#include <cstdint>

/// Interface versions, one per kind: raised when a class of that kind changes in a way that old binaries notice.
#define BACKOBS_INTERFACE_problem 1
#define BACKOBS_INTERFACE_extension 1
#define BACKOBS_INTERFACE_runner 1
#define BACKOBS_INTERFACE_layer 1

namespace backobs::detail {

template <std::size_t N>
struct alignas(4) ManifestNote {
  uint32_t name_size = 8, json_size = N, type = 1;
  char name[8] = {'B', 'a', 'c', 'k', 'O', 'B', 'S', '\0'};
  char json[N] = {};

  constexpr explicit ManifestNote(const char (&text)[N]) {
    for (std::size_t i = 0; i < N; ++i) json[i] = text[i];
  }
};

}  // namespace backobs::detail

#define BACKOBS_TEXT_(x) #x
#define BACKOBS_TEXT(x) BACKOBS_TEXT_(x)  ///< x expanded, then quoted

/// `kind` is a word without quotes: problem, extension, runner or layer. The macros of plugin.h use it.
#define BACKOBS_MANIFEST(kind, summary, aliases)                                                                   \
  namespace {                                                                                                      \
  constexpr char backobs_manifest_json[] =                                                                         \
      "{\"kind\":\"" #kind "\",\"name\":\"" BACKOBS_PLUGIN_NAME "\",\"version\":\"" BACKOBS_PLUGIN_VERSION          \
      "\",\"author\":\"" BACKOBS_PLUGIN_AUTHOR "\",\"summary\":\"" summary "\",\"aliases\":\"" aliases             \
      "\",\"interface\":" BACKOBS_TEXT(BACKOBS_INTERFACE_##kind) ",\"backobs\":\"" BACKOBS_VERSION                \
      "\",\"libtorch\":\"" BACKOBS_TORCH_VERSION "\",\"sonames\":\"" BACKOBS_TORCH_SONAMES                         \
      "\",\"compiler_abi\":" BACKOBS_TEXT(__GXX_ABI_VERSION) ",\"cxx11_abi\":" BACKOBS_TEXT(_GLIBCXX_USE_CXX11_ABI) "}"; \
  __attribute__((used, section(".note.backobs"))) const ::backobs::detail::ManifestNote<sizeof(backobs_manifest_json)> \
      backobs_manifest{backobs_manifest_json};                                                                     \
  }
