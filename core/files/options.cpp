// SPDX-License-Identifier: MIT
#include <backobs/options.h>

#include <backobs/error.h>

#include "files/comma_list.h"

#include <algorithm>
#include <utility>

namespace backobs {
namespace {

Option declare(Option::Type type, std::string name, std::optional<Option::Value> fallback, std::string doc) {
  Option option;
  option.name = std::move(name);
  option.type = type;
  option.fallback = std::move(fallback);
  option.doc = std::move(doc);
  return option;
}

template <typename T>
const T& typed(const Option::Value& value, const std::string& name, const char* wanted) {
  if (const T* held = std::get_if<T>(&value)) return *held;
  throw PluginError("option `" + name + "`", "read as " + std::string(wanted), "the type it was declared with");
}

/// Throws what is wrong, or keeps it and goes on.
void report(const ConfigError& error, std::vector<std::string>* problems) {
  if (!problems) throw error;
  problems->push_back(error.what());
}

ConfigError unknown_option(const RawValue& raw, const std::string& name, const Schema& schema,
                           const std::string& owner) {
  const auto names = schema.names();
  const std::string wanted = names.empty() ? "no option" : "one of its options (" + comma_list(names) + ")";
  return ConfigError(raw.where, owner + " with option `" + name + "`", wanted, nearest_name(name, names));
}

}  // namespace

Option Option::flag(std::string name, bool fallback, std::string doc) {
  return declare(Type::flag, std::move(name), Value(fallback), std::move(doc));
}
Option Option::integer(std::string name, int64_t fallback, std::string doc) {
  return declare(Type::integer, std::move(name), Value(fallback), std::move(doc));
}
Option Option::integer(std::string name, std::string doc) {
  return declare(Type::integer, std::move(name), std::nullopt, std::move(doc));
}
Option Option::real(std::string name, double fallback, std::string doc) {
  return declare(Type::real, std::move(name), Value(fallback), std::move(doc));
}
Option Option::real(std::string name, std::string doc) {
  return declare(Type::real, std::move(name), std::nullopt, std::move(doc));
}
Option Option::text(std::string name, std::string fallback, std::string doc) {
  return declare(Type::text, std::move(name), Value(std::move(fallback)), std::move(doc));
}
Option Option::text(std::string name, std::string doc) {
  return declare(Type::text, std::move(name), std::nullopt, std::move(doc));
}
Option Option::integers(std::string name, std::vector<int64_t> fallback, std::string doc) {
  return declare(Type::integers, std::move(name), Value(std::move(fallback)), std::move(doc));
}
Option Option::reals(std::string name, std::vector<double> fallback, std::string doc) {
  return declare(Type::reals, std::move(name), Value(std::move(fallback)), std::move(doc));
}
Option Option::texts(std::string name, std::vector<std::string> fallback, std::string doc) {
  return declare(Type::texts, std::move(name), Value(std::move(fallback)), std::move(doc));
}

Option& Option::at_least(double bound) {
  minimum = bound;
  minimum_is_open = false;
  return *this;
}
Option& Option::at_most(double bound) {
  maximum = bound;
  return *this;
}
Option& Option::greater_than(double bound) {
  minimum = bound;
  minimum_is_open = true;
  return *this;
}
Option& Option::one_of(std::vector<std::string> names) {
  choices = std::move(names);
  return *this;
}

bool Option::is_list() const { return type == Type::integers || type == Type::reals || type == Type::texts; }

const Option::Value& Options::at(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end())
    throw PluginError("option `" + name + "`", "read", "a declaration in the plugin's schema");
  return found->second;
}
bool Options::flag(const std::string& name) const { return typed<bool>(at(name), name, "a flag"); }
int64_t Options::integer(const std::string& name) const { return typed<int64_t>(at(name), name, "an integer"); }
double Options::real(const std::string& name) const { return typed<double>(at(name), name, "a real"); }
const std::string& Options::text(const std::string& name) const { return typed<std::string>(at(name), name, "text"); }
const std::vector<int64_t>& Options::integers(const std::string& name) const {
  return typed<std::vector<int64_t>>(at(name), name, "a list of integers");
}
const std::vector<double>& Options::reals(const std::string& name) const {
  return typed<std::vector<double>>(at(name), name, "a list of reals");
}
const std::vector<std::string>& Options::texts(const std::string& name) const {
  return typed<std::vector<std::string>>(at(name), name, "a list of texts");
}

const Option* Schema::find(const std::string& name) const {
  const auto found = std::find_if(options_.begin(), options_.end(), [&](const Option& o) { return o.name == name; });
  return found == options_.end() ? nullptr : &*found;
}

std::vector<std::string> Schema::names() const {
  std::vector<std::string> names;
  for (const Option& option : options_) names.push_back(option.name);
  return names;
}

Schema Schema::joined(const Schema& other) const {
  Schema both = *this;
  for (const Option& option : other.options_) {
    if (find(option.name))
      throw PluginError("option `" + option.name + "`", "a second declaration", "a name of its own");
    both.options_.push_back(option);
  }
  return both;
}

Options Schema::check(const std::map<std::string, RawValue>& raw, const std::string& owner, const std::string& where,
                      std::vector<std::string>* problems) const {
  std::map<std::string, Option::Value> values;
  for (const auto& [name, value] : raw) {
    const Option* option = find(name);
    if (!option) {
      report(unknown_option(value, name, *this, owner), problems);
      continue;
    }
    try {
      values[name] = parse_value(*option, value);
    } catch (const ConfigError& e) {
      report(ConfigError(e.where(), owner + " with " + e.found(), e.wanted(), e.nearest()), problems);
    }
  }
  for (const Option& option : options_) {
    if (raw.count(option.name)) continue;
    if (option.fallback)
      values[option.name] = *option.fallback;
    else
      report(ConfigError(where, owner + " without option `" + option.name + "`", option.describe_type()), problems);
  }
  return Options(std::move(values));
}

}  // namespace backobs
