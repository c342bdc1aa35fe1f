// SPDX-License-Identifier: MIT
// One option's value: from text, its range, and back to text.
#include <backobs/options.h>

#include <backobs/error.h>

#include "files/number_format.h"

#include <algorithm>
#include <optional>
#include <type_traits>

namespace backobs {
namespace {

using Type = Option::Type;

const char* plain_name(Type type) {
  switch (type) {
    case Type::flag: return "true or false";
    case Type::integer: return "integer";
    case Type::real: return "real";
    case Type::text: return "text";
    case Type::integers: return "list of integers";
    case Type::reals: return "list of reals";
    case Type::texts: return "list of texts";
  }
  return "";
}

[[noreturn]] void refuse(const Option& option, const RawValue& raw, const std::string& found,
                         const std::string& nearest = "") {
  throw ConfigError(raw.where, "option `" + option.name + "` " + found, option.describe_type(), nearest);
}

/// An item that has the right form, or the complaint about it. A quoted scalar is text, whatever it looks like.
template <typename T, typename Parse>
T parse_number(const Option& option, const RawValue& raw, const std::string& item, Parse parse) {
  const std::optional<T> value = raw.quoted ? std::nullopt : parse(item);
  if (!value) refuse(option, raw, raw.quoted ? "= \"" + item + "\" (text)" : "= " + item);
  return *value;
}

template <typename T>
T check_range(const Option& option, const RawValue& raw, const std::string& item, T value) {
  const auto real = static_cast<double>(value);
  const bool low = option.minimum && (option.minimum_is_open ? real <= *option.minimum : real < *option.minimum);
  if (low || (option.maximum && real > *option.maximum)) refuse(option, raw, "= " + item);
  return value;
}

template <typename T>
T parse_item(const Option& option, const RawValue& raw, const std::string& item) {
  const auto& known = option.choices;
  if (!known.empty() && std::find(known.begin(), known.end(), item) == known.end())
    refuse(option, raw, "= " + item, nearest_name(item, known));
  if constexpr (std::is_same_v<T, bool>)
    return parse_number<bool>(option, raw, item, parse_flag);
  else if constexpr (std::is_same_v<T, int64_t>)
    return check_range(option, raw, item, parse_number<int64_t>(option, raw, item, parse_integer));
  else if constexpr (std::is_same_v<T, double>)
    return check_range(option, raw, item, parse_number<double>(option, raw, item, parse_real));
  else
    return item;
}

template <typename T>
Option::Value parse_scalar(const Option& option, const RawValue& raw) {
  if (raw.is_list) refuse(option, raw, "= a list");
  if (raw.items.size() != 1) refuse(option, raw, "without a value");
  return parse_item<T>(option, raw, raw.items.front());
}

/// "[1, 2]", as to_text writes a list: its items without the blanks around them.
std::vector<std::string> split_bracketed(const std::string& text) {
  std::vector<std::string> items;
  const std::string inner = text.substr(1, text.size() - 2);
  if (inner.find_first_not_of(' ') == std::string::npos) return items;
  for (std::size_t first = 0; first <= inner.size();) {
    const std::size_t comma = std::min(inner.find(',', first), inner.size());
    const std::size_t begin = std::min(inner.find_first_not_of(' ', first), comma);
    const std::size_t end = comma == begin ? begin : inner.find_last_not_of(' ', comma - 1) + 1;
    items.push_back(inner.substr(begin, end - begin));
    first = comma + 1;
  }
  return items;
}

std::vector<std::string> list_items(const Option& option, const RawValue& raw) {
  if (raw.is_list) return raw.items;
  if (raw.items.size() != 1) refuse(option, raw, "without a value");
  const std::string& text = raw.items.front();
  if (raw.quoted || text.size() < 2 || text.front() != '[' || text.back() != ']') refuse(option, raw, "= " + text);
  return split_bracketed(text);
}

template <typename T>
Option::Value parse_list(const Option& option, const RawValue& raw) {
  std::vector<T> values;
  for (const auto& item : list_items(option, raw)) values.push_back(parse_item<T>(option, raw, item));
  return values;
}

std::string item_text(bool value) { return value ? "true" : "false"; }
std::string item_text(int64_t value) { return std::to_string(value); }
std::string item_text(double value) { return shortest_real(value); }
std::string item_text(const std::string& value) { return value; }
template <typename T>
std::string item_text(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text += (text.empty() ? "" : ", ") + item_text(value);
  return "[" + text + "]";
}

}  // namespace

std::string Option::describe_type() const {
  std::string text = plain_name(type);
  if (!choices.empty()) {
    text = is_list() ? "list of: " : "one of: ";
    for (std::size_t i = 0; i < choices.size(); ++i) text += (i ? ", " : "") + choices[i];
  }
  if (minimum) text += (minimum_is_open ? " > " : " >= ") + shortest_real(*minimum);
  if (maximum) text += (minimum ? " and <= " : " <= ") + shortest_real(*maximum);
  return text;
}

Option::Value parse_value(const Option& option, const RawValue& raw) {
  switch (option.type) {
    case Type::flag: return parse_scalar<bool>(option, raw);
    case Type::integer: return parse_scalar<int64_t>(option, raw);
    case Type::real: return parse_scalar<double>(option, raw);
    case Type::text: return parse_scalar<std::string>(option, raw);
    case Type::integers: return parse_list<int64_t>(option, raw);
    case Type::reals: return parse_list<double>(option, raw);
    case Type::texts: return parse_list<std::string>(option, raw);
  }
  refuse(option, raw, "of an unknown type");
}

std::string to_text(const Option::Value& value) {
  return std::visit([](const auto& held) { return item_text(held); }, value);
}

}  // namespace backobs
