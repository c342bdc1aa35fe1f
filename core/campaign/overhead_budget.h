// SPDX-License-Identifier: MIT
#pragma once

#include "campaign/training_step.h"

#include <backobs/state.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace backobs {

/// Chooses the steps of extensions that have a share of the training's time instead of an `every`.
///
/// A step at which none of them is due takes b seconds: the mean over the latest such steps with the same other
/// extensions due. A chosen step that takes t has cost t - b more. With B the sum of b over all steps so far and S_e what
/// extension e has cost in sum, e is due once
///
///     share_e B - S_e  >=  c_e / 2,
///
/// where c_e is what it costs as a rule, so that S_e / B stays within half a use of the share. One that is not known yet
/// is tried as soon as b is. At most one is due at a step, the one that has waited longest, and every sixteenth step is
/// free, so that b follows a machine that gets busier. The first step of a process warms up; it is free and not counted.
class BACKOBS_API OverheadBudget {
 public:
  using Clock = std::function<double()>;  ///< seconds since any moment

  /// For those of `watched` that have a budget; the others decide which steps are alike.
  explicit OverheadBudget(const std::vector<Watched>& watched, Clock clock = steady_seconds);

  /// Before the batch of this global step is drawn. The name of the extension that is due; empty: none.
  std::string begin(int64_t step);
  /// After the step, when all it leaves is written.
  void end();
  /// S_e / B.
  double overhead(const std::string& extension) const;

  /// Accounts, so that a later process goes on with them.
  void save(State& state) const;
  void load(const State& state);

  static double steady_seconds();

 private:
  struct Account {
    double share = 0, spent = 0;
    double cost = -1;       ///< c_e; negative: not known yet
    int64_t last_use = -1;  ///< step
  };
  struct Base {
    double seconds = 0;  ///< b
    int64_t steps = 0;   ///< free ones it is the mean of
    int64_t used = 0;    ///< chosen ones since the last free one
  };

  std::string others_due(int64_t step) const;
  std::string choose(const Base& base) const;

  Clock clock_;
  std::map<std::string, int64_t> periods_;  ///< `every` of the others
  std::map<std::string, Account> accounts_;
  std::map<std::string, Base> bases_;  ///< by the others that are due
  double total_ = 0;                   ///< B
  bool warm_ = false;

  // The step at hand.
  double start_ = 0;
  int64_t step_ = 0;
  std::string others_, chosen_;
};

}  // namespace backobs
