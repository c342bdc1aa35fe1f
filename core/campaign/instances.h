// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/settings.h"
#include "campaign/training_step.h"
#include "host/registry.h"
#include "walk/pass.h"

#include <backobs/data.h>
#include <backobs/problem.h>

#include <memory>
#include <string>
#include <vector>

/// What a run's settings become before its first step.
namespace backobs {

/// How the run's passes treat the weight penalty.
BACKOBS_API PassSettings pass_settings(const RunSettings& settings, std::shared_ptr<const Problem> problem);

/// One extension, prepared for the pass's parameters; in each of its calls it is marked as at work (attribution.h). It gives
/// whole values, or with `in_blocks` such blocks as it can.
BACKOBS_API ExtensionInstance make_instance(const Registry& registry, const Pass& pass, const std::string& problem,
                                            const std::string& name, const std::string& plugin, const Options& options,
                                            bool in_blocks = false);

/// An extension of a run, prepared, with what becomes of its results; all of them.
BACKOBS_API Watched watched_by(const RunSettings& settings, const ExtensionSettings& extension, const Registry& registry,
                               const Pass& pass);
BACKOBS_API std::vector<Watched> watched_by(const RunSettings& settings, const Registry& registry, const Pass& pass);
BACKOBS_API std::vector<ExtensionInstance> instances_of(const std::vector<Watched>& watched);

/// The extensions a runner needs at every step, with '/' in front of their names. Throws ComputeError unless they work
/// for every parameter, or the run has no meaning.
BACKOBS_API std::vector<ExtensionInstance> wanted_by(const Runner& runner, const RunSettings& settings,
                                                     const Registry& registry, const Pass& pass);

/// Throws ConfigError for a mini-batch that is larger than one of the four sets.
BACKOBS_API void check_batch_size(const DataSource& data, const RunSettings& settings);

}  // namespace backobs
