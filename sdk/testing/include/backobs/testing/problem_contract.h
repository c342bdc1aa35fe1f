// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/problem.h>
#include <backobs/testing/checks.h>

namespace backobs::testing {

/// The contract of problems, on synthetic data:
///   facts           sizes and penalties that a training can begin with
///   network         one seed gives one set of initial values
///   batches         one seed gives one order and one batch per phase, of the network's input shapes
///   one step        loss, and the gradient of every trainable parameter, are finite; a repeated step gives the same bits
///   gradient        equals autograd through the nodes' forwards (relative error 1e-8); up to 10^6 parameters, from
///                   strictness 8 on all
///   options         values on the edges, every choice and drawn ones: a network that can be evaluated, or refused by an
///                   error of backobs/error.h that is no PluginError; values outside the range are refused; from strictness 4
///   growth          repeated steps do not take more and more memory; from strictness 7
BACKOBS_API Checks check_problem(const Factory<Problem>& factory, const ContractSettings& settings = {});

}  // namespace backobs::testing
