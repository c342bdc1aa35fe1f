// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/settings.h"
#include "campaign/training_step.h"
#include "host/registry.h"
#include "walk/pass.h"

#include <backobs/data.h>
#include <backobs/problem.h>
#include <backobs/random.h>
#include <backobs/runner.h>

#include <memory>
#include <vector>

namespace backobs {

/// What a run steps with, made from its settings in the one order that a training and what measures one share: problem,
/// data, network on its device with its initial parameters, pass, runner, extensions. Throws what plugins and files throw,
/// and ConfigError for a mini-batch that is larger than one of the sets.
struct RunParts {
  RunParts(const RunSettings& run_settings, const Registry& registry);

  RunSettings settings;
  Random random;  ///< the experiment's, from its seed
  std::shared_ptr<const Problem> problem;
  std::shared_ptr<const LossRule> loss;
  std::shared_ptr<const DataSource> data;
  std::unique_ptr<Network> network;
  std::unique_ptr<Pass> pass;
  std::unique_ptr<Runner> runner;           ///< prepared
  std::vector<Watched> watched;             ///< the experiment's extensions
  std::vector<ExtensionInstance> wanted;    ///< the runner's own
};

}  // namespace backobs
