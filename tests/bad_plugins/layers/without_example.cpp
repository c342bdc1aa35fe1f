// SPDX-License-Identifier: MIT
// Nothing wrong with it, but a module that takes arguments and no example.
#include "bilinear_rule.h"

BACKOBS_LAYER(backobs::BilinearRule, torch::nn::BilinearImpl, "Bilinear maps, by autograd")
