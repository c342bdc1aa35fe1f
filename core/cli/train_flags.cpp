// SPDX-License-Identifier: MIT
#include "cli/train_flags.h"

#include <backobs/error.h>

#include "campaign/settings.h"

#include <algorithm>

namespace backobs {
namespace {

constexpr const char* kVerb = "backobs train";

bool is_flag(const std::string& text) { return text.size() > 2 && text.compare(0, 2, "--") == 0; }

std::string option_name(std::string flag) {
  std::replace(flag.begin(), flag.end(), '-', '_');
  return flag.substr(2);
}
std::string flag_name(std::string option) {
  std::replace(option.begin(), option.end(), '_', '-');
  return "--" + option;
}

std::vector<std::string> flag_names(const Schema& schema) {
  std::vector<std::string> names;
  for (const auto& name : schema.names()) names.push_back(flag_name(name));
  for (const char* own : {"--runner", "--extensions", "--protocol", "--output", "--source", "--batch-size", "--seed",
                          "--threads", "--device", "--dtype", "--data-dir", "--plugin-path"})
    names.emplace_back(own);
  return names;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text)
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

class Reader {
 public:
  Reader(const std::vector<std::string>& arguments, const Schema& schema) : arguments_(arguments), schema_(schema) {}

  TrainFlags read() {
    while (next_ < arguments_.size()) {
      const std::string argument = arguments_[next_++];
      if (is_flag(argument))
        read_flag(argument);
      else
        read_problem(argument);
    }
    if (flags_.problem.empty()) throw UsageError(kVerb, "no problem", "backobs train PROBLEM");
    return std::move(flags_);
  }

 private:
  void read_problem(const std::string& argument) {
    if (!flags_.problem.empty())
      throw UsageError(kVerb, "argument `" + argument + "` beside problem `" + flags_.problem + "`", "one problem");
    flags_.problem = argument;
  }

  void read_flag(const std::string& argument) {
    const std::size_t equals = argument.find('=');
    const std::string flag = argument.substr(0, equals);
    const Option* option = schema_.find(option_name(flag));
    if (!option)
      throw UsageError(kVerb, "flag `" + flag + "`", "a flag of the verb or the runner",
                       nearest_name(flag, flag_names(schema_)));
    RawValue value =
        equals == std::string::npos ? following(*option, flag) : given(*option, argument.substr(equals + 1));
    value.where = flag;
    if (!flags_.values.emplace(option->name, std::move(value)).second)
      throw UsageError(kVerb, "flag `" + flag + "` twice", "each flag once");
  }

  RawValue given(const Option& option, const std::string& text) const {
    RawValue value;
    value.is_list = option.is_list();
    value.items = value.is_list ? split(text) : std::vector<std::string>{text};
    return value;
  }

  /// A flag without value switches on; a list takes the next argument and, unless that has commas, all numbers behind
  /// it.
  RawValue following(const Option& option, const std::string& flag) {
    const bool has_value = next_ < arguments_.size() && !is_flag(arguments_[next_]);
    if (option.type == Option::Type::flag) {
      const bool told = has_value && (arguments_[next_] == "true" || arguments_[next_] == "false");
      return given(option, told ? arguments_[next_++] : "true");
    }
    if (!has_value) throw UsageError(flag, "no value", option.describe_type());
    RawValue value = given(option, arguments_[next_++]);
    const bool is_number = option.type == Option::Type::integers || option.type == Option::Type::reals;
    while (is_number && next_ < arguments_.size() && std::isdigit(static_cast<unsigned char>(arguments_[next_][0])))
      value.items.push_back(arguments_[next_++]);
    return value;
  }

  const std::vector<std::string>& arguments_;
  const Schema& schema_;
  std::size_t next_ = 0;
  TrainFlags flags_;
};

}  // namespace

TrainFlags read_train_flags(const std::vector<std::string>& arguments, const Schema& schema) {
  return Reader(arguments, schema).read();
}

std::string train_help() {
  std::string text = "Flags of the loop, and every option of the runner (`backobs describe runner sgd`):\n";
  const Schema schema = loop_schema({});
  for (const Option& option : schema.options()) {
    if (option.name == "batch_size") continue;
    std::string line = "  " + flag_name(option.name) + " " + option.describe_type();
    line.resize(std::max<std::size_t>(44, line.size() + 1), ' ');
    text += line + option.doc + "\n";
  }
  return text + "DeepOBS's result file is written if --output is given.";
}

}  // namespace backobs
