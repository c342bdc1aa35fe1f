// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/error.h>

#include <CLI/CLI.hpp>

namespace backobs {

/// What the parser of the command line complains about, in our form: an unknown verb or flag with the nearest known
/// one, anything else in the parser's words with the verb in front. `app` has just failed to parse.
UsageError usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace backobs
