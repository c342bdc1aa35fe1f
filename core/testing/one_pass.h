// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/testing/extension_contract.h>

#include "walk/pass.h"

#include <map>
#include <string>

namespace backobs::testing {

/// All numbers of one pass by "QUANTITY/PARAMETER", "grad/PARAMETER" and "loss", and what was refused.
struct PassValues {
  std::map<std::string, TensorList> results;  ///< of extensions
  std::map<std::string, TensorList> walk;     ///< loss and gradient
  std::map<std::string, std::string> refused;
};

/// A pass over a case, by extensions that live on: the draws follow from seed and step.
class CasePass {
 public:
  CasePass(const ExtensionCase& tested, std::vector<ExtensionInstance> extensions, uint64_t seed, const Tiling& tiling = {});
  PassValues run(int64_t step = 0);
  /// All numbers of a pass by "QUANTITY/PARAMETER/INDEX", in order of size: those of blocks are those of the whole.
  std::map<std::string, TensorList> entries();

 private:
  const ExtensionCase& case_;
  std::vector<ExtensionInstance> extensions_;
  uint64_t seed_;
  Pass pass_;
};

/// Throws Broken for missing or additional keys, other shapes, and entries that differ by more than `relative` of the
/// largest; 0 asks for equal bits.
void require_equal(const std::map<std::string, TensorList>& found, const std::map<std::string, TensorList>& wanted,
                   double relative);
void require_near(const Tensor& found, const Tensor& wanted, double relative, const std::string& what);
void require_finite(const Tensor& tensor, const std::string& what);
std::string shape_text(const Tensor& tensor);

/// A copy of the state that shares no tensor with it, and comparison of two.
void require_equal(const State& found, const State& wanted);

}  // namespace backobs::testing
