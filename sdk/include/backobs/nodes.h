// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>
#include <backobs/layer.h>

#include <memory>
#include <vector>

/// Layer rules without a module: arithmetic between branches, changes of shape, noise.
///
///     const auto trunk = net.last();
///     net.add("conv", torch::nn::Conv2d(options));
///     net.add("sum", nodes::sum(), {net.last(), trunk});
///
/// Axes count as in torch, with the samples at axis 0: the first axis of a sample is 1, the last is -1. Axis 0 itself
/// cannot be touched; a node that is asked to throws ComputeError. None of these has parameters.
namespace backobs::nodes {

using Rule = std::shared_ptr<const LayerRule>;  ///< what Network::add takes

/// x_1 + x_2 + …, any number of inputs of one shape.
BACKOBS_API Rule sum();
/// x_1 x_2 entry by entry, two inputs of one shape. Curved jointly in the two.
BACKOBS_API Rule product();
/// a x.
BACKOBS_API Rule scale(double a);
/// exp(x).
BACKOBS_API Rule exp();

/// z = m + e exp(s) for inputs (m, s) of one shape, e drawn from N(0, 1): a sample of N(m, exp(2 s)) whose derivatives
/// in m and s exist (Kingma and Welling, ICLR 2014). e follows from the step's position and the node's name, in training
/// and in evaluation alike, and is the same all through a pass.
BACKOBS_API Rule reparametrise();

/// a x_1 x_2, sample by sample, of matrices in the last two axes: [N, *, I, K] by [N, *, K, J], or by [N, *, J, K] with
/// `transpose_second`; the axes * agree. Curved jointly in the two.
BACKOBS_API Rule matmul(bool transpose_second = false, double a = 1);
/// exp(x) / sum exp(x) over one axis.
BACKOBS_API Rule softmax(int64_t axis = -1);

/// Samples of another shape, entries in order; one size may be -1. reshape({16, -1}): [N, *] -> [N, 16, rest].
BACKOBS_API Rule reshape(std::vector<int64_t> sample_shape);
/// Axes in another order; axes[0] is 0. permute({0, 2, 1}): [N, A, B] -> [N, B, A].
BACKOBS_API Rule permute(std::vector<int64_t> axes);
/// Entries first, first + step, … (`count` of them) along one axis.
BACKOBS_API Rule slice(int64_t axis, int64_t first, int64_t count, int64_t step = 1);
/// Any number of inputs joined along one axis.
BACKOBS_API Rule concat(int64_t axis = 1);
/// Constant entries around a sample, or entries cut off where an amount is negative. Amounts in torch's order: before
/// and after the last axis, before and after the one in front of it, and so on.
BACKOBS_API Rule pad(std::vector<int64_t> amounts, double value = 0);
/// Average over some axes, which disappear.
BACKOBS_API Rule mean(std::vector<int64_t> axes);

}  // namespace backobs::nodes
