// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/network.h>

#include <functional>
#include <string>

namespace backobs::blocks {

/// Fills one weight by its name.
using Fill = std::function<void(const Network&, const std::string& weight)>;

/// Fills every weight, `conv` those of four axes and `dense` those of two, and sets every bias to `bias`. Scales of
/// normalisation layers, weights of one axis, stay 1.
void initialise_parameters(const Network& net, const Fill& conv, const Fill& dense, double bias);

}  // namespace backobs::blocks
