// SPDX-License-Identifier: MIT
#pragma once

#include "cli/context.h"
#include "walk/pass.h"

#include <backobs/problem.h>

#include <memory>
#include <string>
#include <vector>

/// What verbs need that walk one mini-batch outside a training: `extend`, `bench`.
namespace backobs {

/// The extensions of those names with their default options; all there are if none is named.
std::vector<ExtensionInstance> make_extensions(Context& context, const std::vector<std::string>& names);

/// The problem's own penalty.
PassSettings settings_of(const std::shared_ptr<Problem>& problem);

/// The first samples of the training set in this order. Throws UsageError if there are fewer.
Batch first_batch(const DataSource& data, const Random& random, int64_t batch_size);

}  // namespace backobs
