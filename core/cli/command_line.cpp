// SPDX-License-Identifier: MIT
#include "cli/command_line.h"

#include "files/comma_list.h"

#include <algorithm>
#include <string>
#include <vector>

namespace backobs {
namespace {

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands({})) names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

bool is_flag(const std::string& text) { return text.size() > 1 && text[0] == '-'; }

UsageError unknown_flag(const CLI::App& app, const std::string& where, const std::string& text) {
  const std::string flag = text.substr(0, text.find('='));
  return UsageError(where, "flag `" + flag + "`", "a flag that `" + where + " --help` lists",
                    nearest_name(flag, flag_names(app)));
}

UsageError without_verb(const CLI::App& app) {
  const auto names = verb_names(app);
  const auto rest = app.remaining();
  if (rest.empty()) return UsageError("backobs", "no verb", "one of: " + comma_list(names));
  if (is_flag(rest.front())) return unknown_flag(app, "backobs", rest.front());
  return UsageError("backobs", "verb `" + rest.front() + "`", "one of: " + comma_list(names),
                    nearest_name(rest.front(), names));
}

}  // namespace

UsageError usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const auto verbs = app.get_subcommands();
  if (verbs.empty()) return without_verb(app);
  const CLI::App& verb = *verbs.front();
  const std::string where = "backobs " + verb.get_name();
  const auto rest = app.remaining(true);
  const auto flag = std::find_if(rest.begin(), rest.end(), is_flag);
  if (flag != rest.end()) return unknown_flag(verb, where, *flag);
  if (!rest.empty()) return UsageError(where, "argument `" + rest.front() + "`", "nothing more");
  return UsageError(where, error.what());
}

}  // namespace backobs
