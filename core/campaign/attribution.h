// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/extension.h>

#include "host/at_work.h"

#include <memory>
#include <string>

namespace backobs {

/// The same extension, marked at work in each of its calls.
BACKOBS_API std::shared_ptr<Extension> attributed(const std::string& name, std::shared_ptr<Extension> extension);

}  // namespace backobs
