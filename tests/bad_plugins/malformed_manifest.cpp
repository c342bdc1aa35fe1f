// SPDX-License-Identifier: MIT
// A note with our name on it that is not JSON.
#include <backobs/plugin.h>

namespace {
constexpr char kText[] = "{\"kind\": \"extension\", ";
__attribute__((used, section(".note.backobs"))) const backobs::detail::ManifestNote<sizeof(kText)> note{kText};
}  // namespace
