// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>
#include <backobs/loss.h>
#include <backobs/network.h>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace backobs::reference {

/// One file of expected values: a small network described layer by layer, a batch, every quantity of every parameter.
/// Tensors are {shape, values} in row-major order; parameter names are "<layer index>.<weight|bias>".
struct ReferenceFile {
  std::string stem;
  nlohmann::json json;

  static ReferenceFile read(const std::filesystem::path& path);
  Network network(at::ScalarType dtype) const;
  std::shared_ptr<LossRule> loss() const;
  Batch batch(at::ScalarType dtype) const;
};

/// {shape, values} as a double (or integer) tensor.
Tensor tensor_of(const nlohmann::json& json);
/// Every *.json of BACKOBS_REFERENCE_DIR, or of tests/reference.
std::vector<std::filesystem::path> reference_files();

}  // namespace backobs::reference
