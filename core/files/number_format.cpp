// SPDX-License-Identifier: MIT
#include "files/number_format.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <system_error>

namespace backobs {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t digits_from(std::string_view text, std::size_t first) {
  std::size_t last = first;
  while (last < text.size() && is_digit(text[last])) ++last;
  return last - first;
}

/// Sign and integer part: how many characters they take, and whether a zero leads further digits ("010").
struct Head {
  std::size_t length = 0, digits = 0;
  bool zero_led = false;
};
Head read_head(std::string_view text) {
  Head head;
  const std::size_t sign = !text.empty() && text[0] == '-' ? 1 : 0;
  head.digits = digits_from(text, sign);
  head.length = sign + head.digits;
  head.zero_led = head.digits > 1 && text[sign] == '0';
  return head;
}

/// -? ( digits [. digits?] | . digits ) ( [eE] [+-]? digits )?
bool has_real_form(std::string_view text) {
  const Head head = read_head(text);
  if (head.zero_led) return false;
  std::size_t at = head.length, digits = head.digits;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = digits_from(text, ++at);
    at += fraction;
    digits += fraction;
  }
  if (digits == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = digits_from(text, at);
    if (exponent == 0) return false;
    at += exponent;
  }
  return at == text.size();
}

/// The shortest digits d1 d2 … and the exponent e of d1.d2… * 10^e.
struct Decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;
};
Decimal shortest_decimal(double value) {
  std::array<char, 64> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value), std::chars_format::scientific).ptr;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::size_t e = text.find('e');
  Decimal decimal;
  decimal.negative = std::signbit(value);
  for (const char c : text.substr(0, e))
    if (is_digit(c)) decimal.digits += c;
  const std::size_t first = e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(text.data() + first, end, decimal.exponent);
  return decimal;
}

std::string exponent_form(const Decimal& d) {
  std::string text(1, d.digits[0]);
  if (d.digits.size() > 1) text += "." + d.digits.substr(1);
  const int size = std::abs(d.exponent);
  return text + (d.exponent < 0 ? "e-" : "e+") + (size < 10 ? "0" : "") + std::to_string(size);
}

std::string point_form(const Decimal& d, const char* integral_end) {
  if (d.exponent < 0) return "0." + std::string(static_cast<std::size_t>(-d.exponent - 1), '0') + d.digits;
  const auto whole = static_cast<std::size_t>(d.exponent) + 1;
  if (d.digits.size() <= whole) return d.digits + std::string(whole - d.digits.size(), '0') + integral_end;
  return d.digits.substr(0, whole) + "." + d.digits.substr(whole);
}

/// Python switches to an exponent below 1e-4 and from 1e16 on.
std::string finite_text(double value, const char* integral_end) {
  const Decimal d = shortest_decimal(value);
  const bool pointed = d.exponent >= -4 && d.exponent < 16;
  return (d.negative ? "-" : "") + (pointed ? point_form(d, integral_end) : exponent_form(d));
}

}  // namespace

std::optional<int64_t> parse_integer(std::string_view text) {
  const Head head = read_head(text);
  if (head.digits == 0 || head.zero_led || head.length != text.size()) return std::nullopt;
  int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<double> parse_real(std::string_view text) {
  if (!has_real_form(text)) return std::nullopt;
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<bool> parse_flag(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::string shortest_real(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  return finite_text(value, "");
}

std::string python_real(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return finite_text(value, ".0");
}

std::string formatted(const char* pattern, double value) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), pattern, value);
  if (size < static_cast<int>(text.size())) return text.data();
  std::string longer(static_cast<std::size_t>(size) + 1, '\0');
  std::snprintf(longer.data(), longer.size(), pattern, value);
  longer.pop_back();
  return longer;
}

}  // namespace backobs
