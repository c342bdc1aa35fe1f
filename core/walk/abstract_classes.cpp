// SPDX-License-Identifier: MIT
// Destructors of the interfaces plugins implement: defined here, so that each vtable lives in libbackobs alone.
#include <backobs/extension.h>
#include <backobs/per_sample.h>
#include <backobs/problem.h>
#include <backobs/runner.h>

namespace backobs {

ParameterVisit::~ParameterVisit() = default;
Results::~Results() = default;
Extension::~Extension() = default;
PerSample::~PerSample() = default;
PerColumn::~PerColumn() = default;
Problem::~Problem() = default;
Step::~Step() = default;
Runner::~Runner() = default;

}  // namespace backobs
