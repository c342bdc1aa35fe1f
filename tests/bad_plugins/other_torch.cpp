// SPDX-License-Identifier: MIT
// Says it was built with another LibTorch.
#include "idle_extension.h"

#undef BACKOBS_TORCH_VERSION
#undef BACKOBS_TORCH_SONAMES
#define BACKOBS_TORCH_VERSION "0.4.1"
#define BACKOBS_TORCH_SONAMES "libcaffe2.so.1"

BACKOBS_EXTENSION(backobs::IdleExtension, "Of another time", "")
