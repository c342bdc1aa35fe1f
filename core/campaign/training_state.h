// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/curves.h"

#include <backobs/network.h>
#include <backobs/state.h>

#include <filesystem>
#include <string>

/// What a training needs to go on where it stopped, as values by name. Names are those of parameters, nodes and
/// extensions; nothing depends on addresses or on the order of a map.
namespace backobs {

/// parameter/NAME and buffer/NODE.NAME (running statistics): a copy of each.
BACKOBS_API void save_network(State& state, const Network& network);
/// The same back, in place. Throws ComputeError where a value is missing or of another shape or type.
BACKOBS_API void load_network(const State& state, const Network& network);

/// Parameters and buffers by their names ("dense.weight", "bn.running_mean") from a file of write_pt or torch.save; those
/// of `extend --dump` have `parameter/` in front. Element types are converted. Throws ConfigError for what is missing or
/// of another shape.
BACKOBS_API void load_initial(const std::filesystem::path& file, const Network& network);

/// curves/epochs [E, 6]: loss and accuracy of train_eval, valid, test; curves/minibatch_losses [M]. Bits are kept.
BACKOBS_API void save_curves(State& state, const Curves& curves);
BACKOBS_API void load_curves(const State& state, Curves& curves);

/// Another State's values under `prefix/`, and those of one prefix back.
BACKOBS_API void put_all(State& state, const std::string& prefix, const State& part);
BACKOBS_API State part_of(const State& state, const std::string& prefix);

}  // namespace backobs
