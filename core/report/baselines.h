// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <nlohmann/json.hpp>

#include <set>
#include <string>

namespace backobs {

/// The curves that DeepOBS published of these problems, as far as it did (core/report/baselines): by problem `caveats`, a list
/// of texts, and `optimizers`, each with `name`, `seeds`, and per curve ("test loss", "test accuracy") `mean` and `std` by epoch
/// from 0. Losses are scaled to those defined here.
BACKOBS_API nlohmann::ordered_json published_baselines(const std::set<std::string>& problems);

}  // namespace backobs
