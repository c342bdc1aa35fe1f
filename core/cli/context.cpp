// SPDX-License-Identifier: MIT
#include "cli/context.h"

#include "host/first_look.h"
#include "host/threads.h"

#include <algorithm>
#include <utility>

namespace backobs {

const Registry& Context::registry() {
  if (!registry_) registry_ = std::make_unique<Registry>(plugin_search_path(flags.plugin_path), objections);
  return *registry_;
}

const PluginFile& Context::plugin(const std::string& kind, const std::string& name) {
  return from_command_line([&]() -> const PluginFile& { return registry().find(kind, name, ""); });
}

std::vector<std::string> Context::extensions(const std::vector<std::string>& names) {
  std::vector<std::string> plugins;
  for (const auto& name : names) {
    plugins.push_back(plugin("extension", name).manifest.name);
    if (std::count(plugins.begin(), plugins.end(), plugins.back()) > 1)
      throw UsageError("--extensions", "`" + plugins.back() + "` twice",
                       "each once; in an experiment file `as` gives a second one its name");
  }
  return plugins;
}

CLI::App& add_verb(CLI::App& app, Context& context, const std::string& name, const std::string& doc,
                   std::function<ExitCode()> action, const FlagNames& flags) {
  CLI::App& verb = *app.add_subcommand(name, doc);
  attach_common_flags(verb, context.flags, flags);
  verb.callback([&context, action = std::move(action)] {
    context.action = [&context, action] {
      use_threads(context.flags.thread_count());
      return action();
    };
  });
  return verb;
}

}  // namespace backobs
