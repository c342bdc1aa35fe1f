// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/testing/checks.h>

#include "host/library.h"

namespace backobs::testing {

/// A layer plugin's rule on its examples, in evaluation and, from strictness 2, in training:
///   rule       no other rule serves the module type
///   examples   there are some; skipped if not, and then nothing else is known
///   module     the rule's output is the module's own (relative error 1e-10)
/// and the contract of layer_contract.h.
void check_layer_plugin(const PluginLibrary& library, const ContractSettings& settings);

}  // namespace backobs::testing
