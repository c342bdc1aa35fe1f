// SPDX-License-Identifier: MIT
#pragma once

/// Marks what libbackobs offers. Everything else in the library is hidden.
#define BACKOBS_API __attribute__((visibility("default")))
