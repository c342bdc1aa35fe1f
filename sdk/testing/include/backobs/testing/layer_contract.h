// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>
#include <backobs/testing/checks.h>

#include <memory>
#include <string>

namespace backobs::testing {

/// The contract of layer rules, on one mini-batch: each override equals the default, which reads its derivatives from
/// autograd (relative error 1e-10). `inputs` [N, *in_i] in double precision should reach every branch of the function;
/// the module's parameters are of double precision, too.
///   forward             samples first in output and saved tensors; finite; the same bits again in the same context, the
///                       same numbers with and without recording
///   samples             no output depends on another sample, unless couples_samples() says so
///   first derivatives   jac_t, param_jac_t, sum_param_jac_t; jacobian_is_constant() is true
///   second derivatives  residual, param_residual; is_curved() is true
///   weights             from_affine undoes to_affine
///   averaged curvature  sum_jac_t_mat_jac, of one input
///   diagonals           jac_t_diagonal; is_pointwise() is true, of one input
///   threads             two passes at once give what each gives alone; from strictness 6
///   growth              repeated passes do not take more and more memory; from strictness 7
/// Derivatives are compared on the whole and, from strictness 3, on every tile of every tiling (before, on the second
/// half); of coupled samples the first derivatives on the whole alone. Checks are called "NAME: forward", NAME being the
/// rule's type unless it is given.
BACKOBS_API Checks check_layer(const std::shared_ptr<const LayerRule>& rule, const TensorList& inputs,
                               const ForwardContext& context = {}, const ContractSettings& settings = {},
                               const std::string& name = "");

}  // namespace backobs::testing

/// The same as an expectation of GoogleTest, for tests that include it:
///
///     EXPECT_LAYER_CONTRACT(std::make_shared<SwishRule>(module), {at::randn({4, 7}, at::kDouble)});
#define EXPECT_LAYER_CONTRACT(...)                                              \
  do {                                                                          \
    const auto backobs_checks_ = ::backobs::testing::check_layer(__VA_ARGS__);  \
    EXPECT_TRUE(backobs_checks_.ok()) << backobs_checks_.text();                \
  } while (false)
