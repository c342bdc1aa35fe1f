// SPDX-License-Identifier: MIT
#include "testing/configurations.h"

#include <backobs/error.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <fstream>
#include <random>
#include <thread>

namespace backobs::testing {
namespace {

using Type = Option::Type;
using Value = Option::Value;

bool is_integer(const Option& option) { return option.type == Type::integer || option.type == Type::integers; }
bool is_real(const Option& option) { return option.type == Type::real || option.type == Type::reals; }

/// A number near the wanted one that the range allows.
double inside(const Option& option, double wanted) {
  if (option.minimum && (wanted < *option.minimum || (option.minimum_is_open && wanted <= *option.minimum)))
    wanted = *option.minimum + (!option.minimum_is_open ? 0 : is_integer(option) ? 1 : 1e-3);
  if (option.maximum) wanted = std::min(wanted, *option.maximum);
  return is_integer(option) ? std::ceil(wanted) : wanted;
}

/// How long a list is that this option takes: as its default, which may be the only length that makes sense.
std::size_t list_length(const Option& option) {
  if (!option.fallback) return 1;
  return std::max<std::size_t>(1, std::visit([](const auto& value) -> std::size_t {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::vector<int64_t>> || std::is_same_v<T, std::vector<double>>) return value.size();
    return 1;
  }, *option.fallback));
}

/// A number or a text as this option's value; a list repeats it.
Value value_of(const Option& option, double number, const std::string& text) {
  switch (option.type) {
    case Type::flag: return number != 0;
    case Type::integer: return static_cast<int64_t>(number);
    case Type::real: return number;
    case Type::text: return text;
    case Type::integers: return std::vector<int64_t>(list_length(option), static_cast<int64_t>(number));
    case Type::reals: return std::vector<double>(list_length(option), number);
    default: return std::vector<std::string>{text};
  }
}

Value plain_value(const Option& option) {
  if (option.fallback) return *option.fallback;
  return value_of(option, inside(option, is_integer(option) ? 1 : 0.1), option.choices.empty() ? "text" : option.choices[0]);
}

/// Values that show how the option is read. What has no upper bound is not tried with huge numbers: they may well be sizes.
std::vector<Value> edges(const Option& option) {
  std::vector<Value> values;
  if (option.type == Type::flag) values = {true, false};
  for (const auto& choice : option.choices) values.push_back(value_of(option, 0, choice));
  if (!is_integer(option) && !is_real(option)) return values;
  if (option.minimum) values.push_back(value_of(option, inside(option, *option.minimum), ""));
  if (option.maximum && *option.maximum <= 1e4) values.push_back(value_of(option, inside(option, *option.maximum), ""));
  return values;
}

Value drawn_value(const Option& option, std::mt19937_64& random) {
  const double share = std::uniform_real_distribution<>(0, 1)(random);
  if (option.type == Type::flag) return share < 0.5;
  if (!option.choices.empty())
    return value_of(option, 0, option.choices[static_cast<std::size_t>(share * static_cast<double>(option.choices.size()))]);
  if (!is_integer(option) && !is_real(option)) return plain_value(option);
  const double least = option.minimum.value_or(0);
  return value_of(option, inside(option, is_integer(option) ? std::floor(least + 8 * share) : least + share), "");
}

bool is_accepted(const Schema& schema, const std::string& name, const std::string& text) {
  std::map<std::string, RawValue> raw;
  for (const Option& option : schema.options()) raw[option.name] = {{to_text(plain_value(option))}, false, false, "verify"};
  raw[name] = {{text}, false, false, "verify"};
  try {
    schema.check(raw, "plugin", "verify");
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

int64_t resident_bytes() {
  std::ifstream stream("/proc/self/statm");
  int64_t all = 0, resident = 0;
  stream >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace

Options plain_options(const Schema& schema) {
  std::map<std::string, Value> values;
  for (const Option& option : schema.options()) values[option.name] = plain_value(option);
  return Options(std::move(values));
}

std::vector<Configuration> configurations(const Schema& schema, int draws, uint64_t seed) {
  std::vector<Configuration> result;
  const auto plain = plain_options(schema).values();
  for (const Option& option : schema.options())
    for (const auto& value : edges(option)) {
      auto values = plain;
      values[option.name] = value;
      result.push_back({option.name + "=" + to_text(value), Options(values)});
    }
  std::mt19937_64 random(seed);
  for (int i = 0; i < draws && !schema.options().empty(); ++i) {
    std::map<std::string, Value> values;
    std::string name;
    for (const Option& option : schema.options()) {
      values[option.name] = drawn_value(option, random);
      name += (name.empty() ? "" : " ") + option.name + "=" + to_text(values[option.name]);
    }
    result.push_back({name, Options(values)});
  }
  return result;
}

void require_bad_options_refused(const Schema& schema) {
  const auto require = [&](const std::string& name, const std::string& text) {
    if (is_accepted(schema, name, text)) throw Broken("option `" + name + "` = " + text + " accepted", "a ConfigError");
  };
  require("an option nobody declares", "1");
  for (const Option& option : schema.options()) {
    if (!option.choices.empty()) require(option.name, "none of the choices");
    if (!is_integer(option) && !is_real(option)) continue;
    require(option.name, "not a number");
    if (option.minimum) require(option.name, is_integer(option) ? std::to_string(static_cast<int64_t>(*option.minimum) - 1)
                                                                : to_text(Value(*option.minimum - 1)));
    if (option.maximum) require(option.name, is_integer(option) ? std::to_string(static_cast<int64_t>(*option.maximum) + 1)
                                                                : to_text(Value(*option.maximum + 1)));
  }
}

void check_configurations(Checks& checks, const Schema& schema, const ContractSettings& settings,
                          const std::function<void(const Options&)>& use) {
  if (settings.strictness < 4) return;
  checks.run("options: bad values", [&] { require_bad_options_refused(schema); });
  for (const auto& configuration : configurations(schema, settings.strictness, settings.seed))
    checks.run("options: " + configuration.name, [&] {
      try {
        use(configuration.options);
      } catch (const PluginError&) {
        throw;  // also what the host makes of anything else that a plugin throws
      } catch (const Error& e) {
        throw Skipped(std::string("refused: ") + e.what());
      }
    });
}

void in_two_threads(const std::function<void(std::size_t)>& use) {
  std::exception_ptr thrown[2];
  const auto work = [&](std::size_t i) {
    try {
      use(i);
    } catch (...) {
      thrown[i] = std::current_exception();
    }
  };
  std::thread other(work, std::size_t{0});
  work(1);
  other.join();
  for (const auto& error : thrown)
    if (error) std::rethrow_exception(error);
}

void require_no_growth(int repeats, const std::function<void()>& use) {
  for (int i = 0; i < repeats; ++i) use();  // pools fill
  const int64_t before = resident_bytes();
  for (int i = 0; i < repeats; ++i) use();
  const int64_t growth = resident_bytes() - before;
  constexpr int64_t kAllowed = int64_t{4} << 20;
  if (growth > kAllowed)
    throw Broken(std::to_string(growth >> 10) + " KiB more in use after " + std::to_string(repeats) + " more repeats",
                 "at most " + std::to_string(kAllowed >> 10));
}

}  // namespace backobs::testing
