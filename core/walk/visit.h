// SPDX-License-Identifier: MIT
#pragma once

#include "walk/pass.h"
#include "walk/plan.h"
#include "walk/quantities.h"

namespace backobs {

/// Leads the extensions of a plan through one pass. What an extension throws is rethrown as PluginError that names it,
/// the phase and the parameter.
class Visits {
 public:
  Visits(const WalkPlan& plan, const std::vector<ParameterInfo>& infos, const Network& network, const PassInfo& info,
         int64_t samples, const ResultSink& sink);

  void begin();
  /// The vectors of every declared product. `gradients` [1, *p] by parameter; empty if nobody names them.
  void give_vectors(const std::vector<Tensor>& gradients, std::vector<ParameterQuantities>& quantities);
  /// Everyone who sees the parameter at once.
  void visit(std::size_t parameter, const ParameterQuantities& quantities, bool blocks_given);
  /// Those who see it in the blocks of a group, for the next block, of `samples`.
  void visit_block(std::size_t parameter, const BlockGroup& group, const ParameterQuantities& quantities, int64_t samples);
  void end();

 private:
  template <typename Function>
  void guarded(std::size_t extension, const std::string& phase, Function function) const;
  void visit_one(std::size_t extension, std::size_t parameter, const ParameterQuantities& quantities, int64_t samples);
  Tensor vectors_of(std::size_t extension, std::size_t parameter, const std::string& name) const;

  const WalkPlan& plan_;
  const std::vector<ParameterInfo>& infos_;
  const Network& network_;
  const PassInfo& info_;
  int64_t samples_;  ///< of this pass, of info_.batch_size
  const ResultSink& sink_;
};

}  // namespace backobs
