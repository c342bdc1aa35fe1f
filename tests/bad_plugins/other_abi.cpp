// SPDX-License-Identifier: MIT
// Says it was built with the other std::string.
#include "idle_extension.h"

#if _GLIBCXX_USE_CXX11_ABI
#undef _GLIBCXX_USE_CXX11_ABI
#define _GLIBCXX_USE_CXX11_ABI 0
#else
#undef _GLIBCXX_USE_CXX11_ABI
#define _GLIBCXX_USE_CXX11_ABI 1
#endif
BACKOBS_MANIFEST(extension, "Of another ABI", "")
