// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

namespace backobs {

/// Requests to stop, as the two sides of a campaign receive them.
///
/// A campaign's process takes SIGINT (Ctrl-C) and SIGTERM: the first asks for an end at the next step, the second for
/// one at once. A run's own process ignores SIGINT, which a terminal sends to everybody, and takes SIGTERM from its
/// parent.
BACKOBS_API void listen_as_campaign();
BACKOBS_API void listen_as_run();
/// How many requests have come.
BACKOBS_API int stop_requests();

}  // namespace backobs
