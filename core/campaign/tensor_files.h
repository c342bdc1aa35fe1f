// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/observer.h"

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace backobs {

/// `save: tensors` of a run: one file per extension and step that it was due at,
///
///   <folder>/<extension>/step_0000000012.pt
///
/// with the step before its update as the number: a dictionary for torch.load with the parameters' names as keys, /0, /1
/// behind those of lists, and NAME for a value of the whole pass.
class BACKOBS_API TensorFiles {
 public:
  explicit TensorFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Holds values until the step is over. `quantity` is the extension's name, with .NAME for a value of the whole pass.
  void keep(const std::string& extension, const std::string& quantity, const std::string& parameter,
            const TensorList& values);
  /// Writes what the step kept.
  void write(const StepPosition& place);
  /// Removes the files of this step and later ones, which an interrupted process wrote behind its last checkpoint: done
  /// again, the steps may be others at which a budget lets the extension be due.
  void drop_from(int64_t step);

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::vector<std::pair<std::string, Tensor>>> kept_;  ///< by extension
};

}  // namespace backobs
