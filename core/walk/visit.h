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
         const ResultSink& sink);

  void begin();
  void visit(std::size_t parameter, const ParameterQuantities& quantities);
  void end();

 private:
  template <typename Function>
  void guarded(std::size_t extension, const std::string& phase, Function function) const;

  const WalkPlan& plan_;
  const std::vector<ParameterInfo>& infos_;
  const Network& network_;
  const PassInfo& info_;
  const ResultSink& sink_;
};

}  // namespace backobs
