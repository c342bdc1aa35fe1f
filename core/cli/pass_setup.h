// SPDX-License-Identifier: MIT
#pragma once

#include "cli/context.h"
#include "walk/pass.h"

#include <backobs/problem.h>

#include <memory>
#include <string>
#include <vector>

/// What verbs share that walk one mini-batch outside a training: `extend`, `bench`.
namespace backobs {

/// What the command line says of the pass.
struct PassWish {
  std::string problem;
  std::vector<std::string> extensions;  ///< empty, or `all`: all there are
  std::vector<std::string> settings;    ///< PLUGIN.OPTION=VALUE
};

/// Adds the problem, `--extensions` and `--set` to a verb; `wish` lives as long as the verb.
void add_pass_flags(CLI::App& verb, PassWish& wish);

/// One held mini-batch, the first of the training set, and everything a pass over it needs. Never moved: the pass refers to
/// the network.
struct PassSetup {
  std::string problem;
  DataRequest request;
  Random random;
  std::vector<ExtensionInstance> extensions;  ///< prepared
  Network network;
  Batch batch;
  std::unique_ptr<Pass> pass;  ///< with the problem's own penalty
};

/// Warns of quantities that are left out. Throws UsageError for names, options and values that are wrong, and for a batch
/// larger than the training set.
std::unique_ptr<PassSetup> set_up_pass(Context& context, const PassWish& wish);

}  // namespace backobs
