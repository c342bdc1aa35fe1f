// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/plugin.h>

namespace backobs {

/// An extension that computes nothing: the faults are elsewhere.
class IdleExtension : public Extension {
 public:
  explicit IdleExtension(const Options&) {}
  std::vector<Need> needs() const override { return {}; }
  void visit(const ParameterVisit&, Results&) override {}
};

}  // namespace backobs
