// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Numbers from text and back, independent of the locale. Reading is strict: the whole text must be the number, and
/// nothing is rounded to a type it does not have. An empty result means: not such a number.
namespace backobs {

/// Decimal digits with an optional minus: "0", "-12". Not "010", "+1", "1.0", "1e3", nor beyond 64 bits.
BACKOBS_API std::optional<int64_t> parse_integer(std::string_view text);
/// A finite decimal number: "1", "-0.5", ".5", "1e-3". Not "010", "0x10", "inf", "nan", "1e999".
BACKOBS_API std::optional<double> parse_real(std::string_view text);
/// "true" or "false".
BACKOBS_API std::optional<bool> parse_flag(std::string_view text);

/// The fewest digits that parse_real reads back to the same bits: "0.1", "100", "1e-05". Infinities and NaN become
/// "inf", "-inf" and "nan", which parse_real refuses.
BACKOBS_API std::string shortest_real(double value);
/// A float as Python's json.dump prints it: "0.1", "1e-05", "100.0", "NaN", "Infinity", "-Infinity".
BACKOBS_API std::string python_real(double value);
/// One number for people: printf's "%.4g" and the like. NaN is "nan", whatever its sign.
BACKOBS_API std::string formatted(const char* pattern, double value);

}  // namespace backobs
