// SPDX-License-Identifier: MIT
// A note beyond the limit of 64 KiB.
#include <backobs/plugin.h>

namespace {
constexpr char kText[70000] = "{";
__attribute__((used, section(".note.backobs"))) const backobs::detail::ManifestNote<sizeof(kText)> note{kText};
}  // namespace
