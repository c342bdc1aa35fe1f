// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/export.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace backobs {

/// One option of a plugin, declared once. From the declaration follow validation, help and JSON schema.
///
///     Option::integer("mc_samples", 1, "draws per sample").at_least(1)
///     Option::real("lr", "learning rate").at_least(0)          // no default: required
class BACKOBS_API Option {
 public:
  enum class Type { flag, integer, real, text, integers, reals, texts };
  using Value = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, std::vector<double>,
                             std::vector<std::string>>;

  /// One maker per type. Without `fallback` the option is required; `doc` is half a line, without a full stop.
  static Option flag(std::string name, bool fallback, std::string doc);
  static Option integer(std::string name, int64_t fallback, std::string doc);
  static Option integer(std::string name, std::string doc);
  static Option real(std::string name, double fallback, std::string doc);
  static Option real(std::string name, std::string doc);
  static Option text(std::string name, std::string fallback, std::string doc);
  static Option text(std::string name, std::string doc);
  static Option integers(std::string name, std::vector<int64_t> fallback, std::string doc);
  static Option reals(std::string name, std::vector<double> fallback, std::string doc);
  static Option texts(std::string name, std::vector<std::string> fallback, std::string doc);

  /// Bounds of a number, or of every number of a list; the words that a text may be. They can be chained.
  Option& at_least(double bound);
  Option& at_most(double bound);
  Option& greater_than(double bound);
  Option& one_of(std::vector<std::string> choices);

  /// True where the value itself is a list; then one list is the value, and a list of lists an axis.
  bool is_list() const;
  /// "integer >= 1", as messages and help print it.
  std::string describe_type() const;

  std::string name;
  Type type = Type::flag;
  std::string doc;
  std::optional<Value> fallback;  ///< empty: the option is required
  std::optional<double> minimum, maximum;
  bool minimum_is_open = false;
  std::vector<std::string> choices;
};

/// What a user wrote for one option, before it has a type: a scalar or a list of scalars, and its position.
struct RawValue {
  std::vector<std::string> items;
  bool is_list = false;
  bool quoted = false;  ///< a quoted scalar is text, whatever it looks like
  std::string where;    ///< file:line:column, or the flag on the command line
};

/// Checked values: every declared option is present, with its type.
class BACKOBS_API Options {
 public:
  Options() = default;
  explicit Options(std::map<std::string, Option::Value> values) : values_(std::move(values)) {}

  /// The value of a declared option; throws PluginError for an undeclared name or another type.
  bool flag(const std::string& name) const;
  int64_t integer(const std::string& name) const;
  double real(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  const std::vector<int64_t>& integers(const std::string& name) const;
  const std::vector<double>& reals(const std::string& name) const;
  const std::vector<std::string>& texts(const std::string& name) const;

  /// All values by name, in alphabetical order.
  const std::map<std::string, Option::Value>& values() const { return values_; }

 private:
  const Option::Value& at(const std::string& name) const;
  std::map<std::string, Option::Value> values_;
};

/// The declared options of one plugin.
class BACKOBS_API Schema {
 public:
  Schema() = default;
  Schema(std::initializer_list<Option> options) : options_(options) {}

  const std::vector<Option>& options() const { return options_; }
  const Option* find(const std::string& name) const;
  std::vector<std::string> names() const;
  /// This schema followed by another one; a name in both is an error of the plugin.
  Schema joined(const Schema& other) const;

  /// Types, ranges, unknown and missing names. `owner` is named in messages ("extension `diag_ggn_mc`").
  /// Throws ConfigError for the first problem; `problems` collects all of them instead, if given.
  Options check(const std::map<std::string, RawValue>& raw, const std::string& owner, const std::string& where,
                std::vector<std::string>* problems = nullptr) const;

 private:
  std::vector<Option> options_;
};

/// One option's value from text, strictly: `1e-3` is a real, `010`, `yes` and `1.0` are not integers.
BACKOBS_API Option::Value parse_value(const Option& option, const RawValue& raw);
/// A value as text that parse_value reads back, reals in the shortest form that keeps every bit.
BACKOBS_API std::string to_text(const Option::Value& value);

}  // namespace backobs
