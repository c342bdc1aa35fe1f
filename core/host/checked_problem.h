// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/problem.h>

#include <memory>
#include <string>

namespace backobs {

/// The problem of that name, which is marked as at work (at_work.h) in each of its calls and those of its data, and whose
/// parts are there: a PluginError about `label` where network, loss or data are missing.
BACKOBS_API std::unique_ptr<Problem> checked(const std::string& label, const std::string& name, std::unique_ptr<Problem> problem);

}  // namespace backobs
