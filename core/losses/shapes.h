// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace backobs {

/// Entries of one sample of an output [n, *out].
int64_t features(const at::Tensor& output);
/// [count, n, *out], the shape of columns at an output.
std::vector<int64_t> columns_shape(const at::Tensor& output, int64_t count);
/// "[4, 3], [4]": shapes for messages.
std::string shapes_of(const std::vector<at::Tensor>& tensors);

}  // namespace backobs
