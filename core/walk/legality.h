// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/extension.h>
#include <backobs/network.h>

#include "walk/pass.h"

#include <optional>
#include <string>
#include <vector>

/// What cannot work, and why, derived from the needs of an extension before any compute.
namespace backobs {

/// By node: whether an output of the network depends on it. What does not is no part of the loss, whose derivatives there
/// are zero.
std::vector<bool> reached_by_the_loss(const Network& network);

/// By node: why averaged_curvature cannot arrive at its output; empty where it can. It travels only where every node
/// on the way to the loss has one reader that the loss depends on, an output counting as one, and one input, because J^T M J
/// of merging branches needs cross terms that M does not hold. Where the loss does not depend on a node it is zero.
std::vector<std::string> averaged_curvature_refusals(const Network& network);

/// The facts a need is judged by.
struct NeedContext {
  const ParameterInfo& parameter;
  const std::string& averaged_refusal;   ///< of the parameter's node
  int64_t widest_features;               ///< largest D whose matrix is formed on the way from the loss to the parameter
  int64_t loss_columns;                  ///< V of the exact square root
  int64_t batch_size;
  Blocks blocks;                         ///< which values are held at once
  int64_t element_bytes;
};

/// Why `need` cannot be served for this parameter; nothing if it can.
std::optional<std::string> refusal(const Need& need, const NeedContext& context);

/// Why `need` cannot be served for any parameter if the pass is walked in several tiles: values per sample or column then
/// stay until the last tile, those of all parameters together, where one tile would stream them parameter by parameter.
std::optional<std::string> refusal_in_tiles(const Need& need, const std::vector<ParameterInfo>& parameters,
                                            int64_t loss_columns, int64_t batch_size, int64_t element_bytes);

}  // namespace backobs
