// SPDX-License-Identifier: MIT
#pragma once

#include "walk/sample_count.h"

#include <backobs/signal.h>

#include <ATen/core/Tensor.h>

#include <optional>

/// The weight penalty (c/2) |w|^2 in every derived quantity. It belongs to the loss, one N-th of it to each sample:
///
///     l_n + (c / 2N) |w|^2,   g_n + (c/N) w,   Hessian and GGN + c I, a sample's + (c/N) I.
///
/// What is summed over the n samples of a micro-batch has n/N of the whole's: r = n/N below is 1 for a mini-batch.
namespace backobs::penalty {

using at::Tensor;

/// (c/N) w, what the penalty adds to each individual gradient; undefined where it adds nothing (c = 0, other signals).
Tensor per_sample(const SignalKey& key, const Tensor& w, double c, int64_t batch_size);

/// |g_n + (c/N) w|^2 - |g_n|^2 from inner products <g_n, w>, [V, N]: (2c/N) <g_n, w> + (c/N)^2 |w|^2.
Tensor norm_correction(const Tensor& inner_products, const Tensor& w, double c, int64_t batch_size);

/// Completes an accumulated value in place, given the bare gradient g of the samples of the pass:
/// sum_squares of the gradient + (2c/N) w g + r (c^2/N) w^2; sum_squares of a square root + r c, its sample_squares + c/N.
/// Variances do not change; roots, residuals and Kronecker factors are of the empirical risk alone.
void complete(const Need& need, Tensor& value, const Tensor& w, const Tensor& g, double c, const SampleCount& count);

/// r c where a block of this signal has + r c I: the square roots.
double of_block(const SignalKey& key, double c, const SampleCount& count);

}  // namespace backobs::penalty
