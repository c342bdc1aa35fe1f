// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/loss.h>
#include <backobs/problem.h>

#include "cli/common_flags.h"
#include "cli/terminal.h"
#include "host/registry.h"
#include "walk/pass.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace backobs {

/// What `backobs describe problem` tells beyond the manifest: facts, and the network as it is built.
struct ProblemDescription {
  struct Layer {
    std::string name, type;
    std::vector<std::string> inputs;    ///< nodes it reads
    std::vector<int64_t> output_shape;  ///< of one sample
  };
  struct ParameterFacts {
    std::string name;
    std::vector<int64_t> shape;
    int64_t count;
    bool trainable, regularised;
  };
  /// One registered extension with its default options, at the default batch size.
  struct Quantity {
    std::string name;
    std::vector<Refusal> refused;  ///< parameters it cannot serve; with an empty parameter, why it cannot be made at all
  };
  ProblemFacts facts;
  std::string loss;
  LossReduction reduction = LossReduction::mean;
  std::vector<Layer> layers;  ///< inputs of the network included, with type "Input"
  std::vector<ParameterFacts> parameters;
  std::vector<Quantity> quantities;
  int64_t parameter_count = 0, trainable_parameter_count = 0;
};

/// Builds the problem with its default options; no data are read.
ProblemDescription describe_problem(const Registry& registry, const std::string& name, const Schema& schema);
nlohmann::ordered_json to_json(const ProblemDescription& problem);
std::string to_text(const ProblemDescription& problem, const Paint& paint);

}  // namespace backobs
