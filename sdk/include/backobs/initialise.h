// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/network.h>
#include <backobs/random.h>

#include <string>

/// Initialisers of DeepOBS's problems. Each fills one named parameter in place from the draws of its own stream, so
/// that initial values depend on the seed and the parameter's name alone. A name that the network does not have is a
/// ComputeError with the nearest one; so is a parameter of fewer than two dimensions where fans are needed.
namespace backobs::initialise {

/// Every entry equals `value`.
BACKOBS_API void constant(const Network& net, const std::string& parameter, double value);
/// N(0, std^2) truncated to [-2 std, 2 std]; the standard deviation of the result is 0.87963 std.
BACKOBS_API void truncated_normal(const Network& net, const std::string& parameter, double std, const Random& random);
/// U(-b, b), b = sqrt(6 / (fan_in + fan_out)); fans as torch counts them.
BACKOBS_API void xavier_uniform(const Network& net, const std::string& parameter, const Random& random);
/// N(0, 2 / (fan_in + fan_out)).
BACKOBS_API void xavier_normal(const Network& net, const std::string& parameter, const Random& random);

}  // namespace backobs::initialise
