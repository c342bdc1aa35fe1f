// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/runner.h>

#include "campaign/observer.h"
#include "campaign/reduction.h"
#include "walk/pass.h"

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace backobs {

/// An extension the user asked for.
struct Watched {
  ExtensionInstance instance;
  int64_t every = 1;
  std::vector<std::pair<std::string, Reduction>> record;
  bool histogram = false;     ///< record that too
  bool save_tensors = false;
  double budget = 0;  ///< per cent; above 0, the steps it is due at are chosen (overhead_budget.h) and `every` is not read

  /// Whether all that is wanted of it follows from blocks of its values, one after the other.
  BACKOBS_API bool joins_blocks() const;
};

/// The Step that runners see; one object for a whole training, holding one batch after the other.
class BACKOBS_API HeldStep final : public Step {
 public:
  HeldStep(Pass& pass, Random experiment, std::vector<Watched> watched, std::vector<ExtensionInstance> wanted,
           TrainingObserver& observer);

  /// The next batch and its place, and which extension with a budget is due, if any. What was held before is gone.
  void hold(Batch batch, const StepPosition& position, const std::string& chosen = "");

  int64_t epoch() const override { return position_.epoch; }
  int64_t index() const override { return position_.index; }
  int64_t global() const override { return position_.global; }
  Random random() const override { return experiment_.at(position_.epoch, position_.global); }
  double evaluate() override;
  double evaluate_with_gradient() override;
  const std::vector<Tensor>& result(const std::string& quantity, const std::string& parameter) const override;

 private:
  /// What blocks of samples have given so far for one reduction of one quantity, and of how many entries.
  struct Part {
    double value = 0, entries = 0;
  };
  using PartKey = std::tuple<std::string, std::string, std::string>;  ///< quantity, parameter, reduction

  bool is_due(const Watched& watched) const;
  void take(const std::string& quantity, const std::string& parameter, TensorList values);
  void take_block(const Watched& watched, const std::string& quantity, const std::string& parameter, const Tensor& value);
  void record_blocks();
  void take_gradient(const std::string& parameter, const TensorList& values);
  void record(const std::string& quantity, const std::string& parameter, const TensorList& values,
              const std::string& name, Reduction reduce);
  void record_histogram(const std::string& quantity, const std::string& parameter, const TensorList& values);

  Pass& pass_;
  Random experiment_;
  std::vector<Watched> watched_;
  std::vector<ExtensionInstance> wanted_;
  TrainingObserver& observer_;
  ResultSink sink_;

  Batch batch_;
  StepPosition position_;
  std::string chosen_;
  bool watching_ = false;                                              ///< the next pass is the step's first
  std::vector<ExtensionInstance> due_;                                 ///< of that pass
  std::vector<const Watched*> watched_now_;                            ///< those of them that the user asked for
  std::map<PartKey, Part> parts_;                                      ///< of the watched that come in blocks
  std::map<std::pair<std::string, std::string>, TensorList> results_;  ///< of the wanted, by quantity and parameter
};

}  // namespace backobs
