// SPDX-License-Identifier: MIT
#include "cli/completion.h"

#include "cli/completion_scripts.h"
#include "cli/plugin_kind.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "data/data_sets.h"

#include <algorithm>
#include <memory>

namespace backobs {
namespace {

using Words = std::vector<std::string>;

bool begins_with(const std::string& text, const std::string& head) { return text.compare(0, head.size(), head) == 0; }

/// The plugins of the search path, flags of the line included. A folder that does not exist yet is no reason to be silent.
Registry registry_of(const Words& words) {
  std::vector<std::filesystem::path> first;
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    if (words[i] == "--plugin-path" && std::filesystem::is_directory(words[i + 1])) first.push_back(words[i + 1]);
  return Registry(plugin_search_path(first));
}

Words plugin_names(const Words& words, const std::string& kind) {
  Words names;
  for (const auto& plugin : registry_of(words).list(kind)) {
    names.push_back(plugin.manifest.name);
    names.insert(names.end(), plugin.manifest.aliases.begin(), plugin.manifest.aliases.end());
  }
  return names;
}

Words kinds() {
  Words names;
  for (const auto& kind : plugin_kinds()) names.push_back(kind);
  return names;
}

Words names_of_data_sets() {
  Words names;
  for (const DataSet& set : data_sets()) names.push_back(set.name);
  return names;
}

/// "real|synthetic" is a choice; anything else is not.
Words choices_of(const CLI::Option& option) {
  Words choices;
  const std::string type = option.get_type_name();
  if (type.find('|') == std::string::npos) return choices;
  for (std::size_t first = 0; first <= type.size();) {
    const std::size_t end = std::min(type.find('|', first), type.size());
    choices.push_back(type.substr(first, end - first));
    first = end + 1;
  }
  return choices;
}

/// Names already in a list "kfac,var" stay in front of what completes its last one.
Words after_comma(const std::string& begun, Words names) {
  const std::size_t comma = begun.rfind(',');
  if (comma != std::string::npos)
    for (auto& name : names) name = begun.substr(0, comma + 1) + name;
  return names;
}

/// What the value of an option may be. `before`: the positional arguments given so far.
Words values_of(const CLI::Option& option, const Words& words, const Words& before) {
  const std::string name = option.get_name();
  if (name == "problem") return plugin_names(words, "problem");
  if (name == "--runner") return plugin_names(words, "runner");
  if (name == "--extensions") return after_comma(words.back(), plugin_names(words, "extension"));
  if (name == "kind") return kinds();
  if (name == "shell") return {"bash", "zsh", "fish"};
  if (name == "action") return {"list", "fetch", "verify"};
  if (name == "name" && words.front() == "data") return names_of_data_sets();
  if (name == "name" && words.front() == "describe" && !before.empty())
    for (const auto& kind : kinds())
      if (before.front() == kind || before.front() == kind + "s") return plugin_names(words, kind);
  return choices_of(option);
}

Words flags_of(const CLI::App& verb) {
  Words flags;
  for (const CLI::Option* option : verb.get_options())
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
  return flags;
}

Words verbs_of(const CLI::App& app) {
  Words names;
  for (const CLI::App* verb : app.get_subcommands({})) names.push_back(verb->get_name());
  return names;
}

const CLI::App* find_verb(const CLI::App& app, const std::string& name) {
  for (const CLI::App* verb : app.get_subcommands({}))
    if (verb->get_name() == name) return verb;
  return nullptr;
}

const CLI::Option* find_flag(const CLI::App& verb, const std::string& text) {
  for (const CLI::Option* option : verb.get_options())
    for (const auto& name : option->get_lnames())
      if ("--" + name == text) return option;
  return nullptr;
}

/// The last word, which follows `words[first…]` after its verb.
Words arguments_of(const CLI::App& verb, const Words& words, std::size_t first) {
  Words before;
  for (std::size_t i = first; i + 1 < words.size(); ++i) {
    const CLI::Option* flag = find_flag(verb, words[i]);
    const bool takes_value = flag && flag->get_items_expected_max() > 0;
    if (takes_value && i + 2 == words.size()) return values_of(*flag, words, before);
    if (takes_value) ++i;
    if (!flag) before.push_back(words[i]);
  }
  if (begins_with(words.back(), "-")) return flags_of(verb);
  // `train` takes what the runner declares, so its one positional argument is not the parser's.
  if (verb.get_name() == "train" && before.empty()) return plugin_names(words, "problem");
  std::size_t place = 0;
  for (const CLI::Option* option : verb.get_options())
    if (option->get_positional() && place++ == before.size()) return values_of(*option, words, before);
  return {};
}

ExitCode completion(const std::string& shell) {
  for (const auto& [name, script] : completion_scripts())
    if (name == shell) {
      print(script);
      return ExitCode::done;
    }
  throw UsageError("backobs completion", "shell `" + shell + "`", "bash, zsh or fish",
                   nearest_name(shell, {"bash", "zsh", "fish"}));
}

}  // namespace

std::vector<std::string> completions(const CLI::App& app, std::vector<std::string> words) {
  words.erase(std::remove(words.begin(), words.end(), "="), words.end());  // bash takes `--flag=value` apart
  if (words.empty()) words.emplace_back();
  const CLI::App* verb = &app;
  std::size_t first = 0;
  while (first + 1 < words.size())
    if (const CLI::App* next = find_verb(*verb, words[first])) {
      verb = next;
      ++first;
    } else {
      break;
    }
  const bool wants_verb = first + 1 == words.size() && !verb->get_subcommands({}).empty() && !begins_with(words.back(), "-");
  Words answers = wants_verb ? verbs_of(*verb) : arguments_of(*verb, words, first);
  const auto other = [&](const std::string& answer) { return !begins_with(answer, words.back()); };
  answers.erase(std::remove_if(answers.begin(), answers.end(), other), answers.end());
  return answers;
}

void add_completion(CLI::App& app, Context& context) {
  auto shell = std::make_shared<std::string>();
  CLI::App& verb = add_verb(app, context, "completion", "Print a script that completes verbs, flags and names in a shell",
                            [shell] { return completion(*shell); }, {});
  verb.add_option("shell", *shell, "bash, zsh or fish")->type_name("SHELL")->required();
  verb.footer("bash: source <(backobs completion bash)    zsh: source <(backobs completion zsh)\n"
              "fish: backobs completion fish | source");
}

}  // namespace backobs
