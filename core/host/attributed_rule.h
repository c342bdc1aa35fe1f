// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/layer.h>

#include <memory>
#include <string>

namespace backobs {

/// The rule of a layer plugin of that name, which is marked as at work (at_work.h) in each of its calls.
std::shared_ptr<const LayerRule> attributed(const std::string& plugin, std::shared_ptr<const LayerRule> rule);

}  // namespace backobs
