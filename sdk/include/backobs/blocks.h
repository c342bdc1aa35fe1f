// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/network.h>
#include <backobs/random.h>

/// Architectures that several of DeepOBS's problems share. Names, shapes, initial values: deepobs sections 2.2 on.
namespace backobs::blocks {

/// flatten, dense 784 -> 10; everything exactly 0. [N, 1, 28, 28] -> [N, 10].
BACKOBS_API Network logreg();
/// flatten, dense1 784 -> 1000, dense2 -> 500, dense3 -> 100, dense4 -> 10, ReLU between; weights truncated normal with
/// std 0.03, biases 0. [N, 1, 28, 28] -> [N, 10].
BACKOBS_API Network mlp(const Random& random);

}  // namespace backobs::blocks
