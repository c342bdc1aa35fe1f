// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/training_step.h"

#include <backobs/state.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace backobs {

/// How long training steps took, batch and records included, by the extensions that were due at them. The first step of a
/// process warms up and is not counted.
class BACKOBS_API StepTimes {
 public:
  struct Sum {
    int64_t steps = 0;
    double seconds = 0;
  };

  explicit StepTimes(const std::vector<Watched>& watched);

  void begin(double now) { start_ = now; }
  /// The step with this global number is done; `chosen` is the extension with a budget that was due at it, if any.
  void end(double now, int64_t step, const std::string& chosen);

  /// By names in alphabetical order, separated by commas; "" is a step without any.
  const std::map<std::string, Sum>& sums() const { return sums_; }

  void save(State& state) const;
  void load(const State& state);

 private:
  std::map<std::string, int64_t> periods_;  ///< `every` of those without a budget
  std::map<std::string, Sum> sums_;
  double start_ = 0;
  bool warm_ = false;
};

}  // namespace backobs
