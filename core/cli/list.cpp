// SPDX-License-Identifier: MIT
#include <backobs/log.h>

#include "cli/plugin_kind.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "files/printable.h"

#include <memory>

namespace backobs {
namespace {

struct ListOptions {
  std::string kind;
  bool json = false;
};

std::vector<std::string> kinds_asked_for(const ListOptions& options) {
  if (options.kind.empty()) return plugin_kinds();
  return {plugin_kind(options.kind, "backobs list")};
}

nlohmann::ordered_json as_json(const PluginFile& plugin) {
  const Manifest& m = plugin.manifest;
  return {{"kind", m.kind},       {"name", m.name},       {"version", m.version}, {"file", plugin.file.string()},
          {"summary", m.summary}, {"aliases", m.aliases}, {"author", m.author}};
}

void list_json(const Registry& registry, const std::vector<std::string>& kinds) {
  auto document = nlohmann::ordered_json::array();
  for (const auto& kind : kinds)
    for (const auto& plugin : registry.list(kind)) document.push_back(as_json(plugin));
  print(document);
}

void list_text(const Registry& registry, const std::vector<std::string>& kinds) {
  const Paint paint(stdout);
  bool first = true;
  for (const auto& kind : kinds) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& plugin : registry.list(kind)) rows.push_back({plugin.manifest.name, plugin.manifest.summary});
    if (rows.empty()) continue;
    print((first ? "" : "\n") + paint.bold(kind + "s") + "\n" + table(rows, "  "));
    first = false;
  }
  if (first) log::warn("no plugin was found; `backobs doctor` says where they are looked for");
}

ExitCode list(Context& context, const ListOptions& options) {
  const auto kinds = kinds_asked_for(options);
  const Registry& registry = context.registry();
  for (const auto& refused : registry.refused()) log::warn(printable_line(refused.file.string() + " was refused: " + refused.reason));
  options.json ? list_json(registry, kinds) : list_text(registry, kinds);
  return ExitCode::done;
}

}  // namespace

void add_list(CLI::App& app, Context& context) {
  auto options = std::make_shared<ListOptions>();
  CLI::App& verb = add_verb(app, context, "list", "Show the plugins that were found, one line each",
                            [&context, options] { return list(context, *options); }, {"--plugin-path"});
  verb.add_option("kind", options->kind, "problem, extension, runner or layer (default: all)")->type_name("KIND");
  verb.add_flag("--json", options->json, "print an array of objects");
}

}  // namespace backobs
