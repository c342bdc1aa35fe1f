// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace backobs {

/// Writes a dictionary of tensors, in the given order, as a file that Python's torch.load reads: also with
/// weights_only=True, since nothing but dictionary, strings and tensors is in it. Values are written as contiguous CPU
/// copies, never with the rest of their storage. The file appears whole or not at all.
/// Throws ComputeError with the system's reason if it cannot be written.
BACKOBS_API void write_pt(const std::filesystem::path& file,
                          const std::vector<std::pair<std::string, at::Tensor>>& tensors);

/// A dictionary of tensors as write_pt or Python's torch.save(model.state_dict()) left it, on the CPU. Nothing but a
/// dictionary of text and tensors is accepted. Throws DataError with file and reason.
BACKOBS_API std::map<std::string, at::Tensor> read_pt(const std::filesystem::path& file);

}  // namespace backobs
