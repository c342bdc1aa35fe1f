// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/runner.h>
#include <backobs/testing/checks.h>

namespace backobs::testing {

/// The contract of runners, on a network of two dense layers whose last bias is frozen. Required options are set to a
/// small number. Extensions that Runner::wants names are looked for where the program does.
///   one step        returns the loss before the update, changes parameters, leaves frozen ones, stays finite
///   deterministic   two instances give the same bits
///   schedule        set_rate_factor(f) makes rate() f times the base rate; a factor of 1 brings it back
///   state           an instance that loads what another one saved goes on with the same bits
///   options         values on the edges, every choice and drawn ones: a finite step, or refused by an error of
///                   backobs/error.h that is no PluginError; values outside the range are refused; from strictness 4
///   growth          hundreds of steps do not take more and more memory; from strictness 7
BACKOBS_API Checks check_runner(const Factory<Runner>& factory, const ContractSettings& settings = {});

}  // namespace backobs::testing
