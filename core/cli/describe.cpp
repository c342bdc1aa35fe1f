// SPDX-License-Identifier: MIT
#include "cli/describe.h"

#include "cli/plugin_kind.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "files/comma_list.h"
#include "files/printable.h"

#include <memory>

namespace backobs {
namespace {

using nlohmann::ordered_json;

struct DescribeOptions {
  std::string kind, name;
  bool json = false;
};

ordered_json as_json(const Option::Value& value) {
  return std::visit([](const auto& held) { return ordered_json(held); }, value);
}

/// In the order the plugin declares them. A required option has a null default.
ordered_json options_json(const Schema& schema) {
  auto list = ordered_json::array();
  for (const Option& option : schema.options())
    list.push_back({{"name", option.name},
                    {"type", option.describe_type()},
                    {"required", !option.fallback.has_value()},
                    {"default", option.fallback ? as_json(*option.fallback) : ordered_json(nullptr)},
                    {"doc", option.doc}});
  return list;
}

ordered_json facts_json(const PluginFile& plugin) {
  const Manifest& m = plugin.manifest;
  return {{"kind", m.kind},       {"name", m.name},     {"version", m.version}, {"file", plugin.file.string()},
          {"summary", m.summary}, {"author", m.author}, {"aliases", m.aliases}};
}

std::string facts_text(const PluginFile& plugin, const Paint& paint) {
  const Manifest& m = plugin.manifest;
  std::vector<std::vector<std::string>> rows = {
      {"kind", m.kind}, {"version", m.version}, {"author", m.author}, {"file", plugin.file.string()}};
  if (!m.aliases.empty()) rows.push_back({"aliases", comma_list(m.aliases)});
  return paint.bold(m.name) + ": " + printable(m.summary) + "\n" + table(rows, "  ");
}

std::string options_text(const Schema& schema, const Paint& paint) {
  if (schema.options().empty()) return "";
  std::vector<std::vector<std::string>> rows;
  for (const Option& option : schema.options())
    rows.push_back({option.name, option.describe_type(),
                    option.fallback ? "default " + to_text(*option.fallback) : "required", option.doc});
  return "\n" + paint.bold("options") + "\n" + table(rows, "  ");
}

ExitCode describe(Context& context, const DescribeOptions& asked) {
  const std::string kind = plugin_kind(asked.kind, "backobs describe");
  const PluginFile plugin = context.plugin(kind, asked.name);
  const Schema schema = context.registry().schema(kind, plugin.manifest.name);
  const Paint paint(stdout);
  ordered_json document = facts_json(plugin);
  std::string text = facts_text(plugin, paint);
  if (kind == "layer") {
    document["module"] = context.registry().layer_module(plugin.manifest.name);
    text += table({{"module", document["module"]}}, "  ");
  }
  if (kind == "problem") {
    const ProblemDescription problem =
        describe_problem(context.registry(), plugin.manifest.name, schema);
    document.update(to_json(problem));
    text += to_text(problem, paint);
  }
  document["options"] = options_json(schema);
  text += options_text(schema, paint);
  asked.json ? print(document) : print(text);
  return ExitCode::done;
}

}  // namespace

void add_describe(CLI::App& app, Context& context) {
  auto options = std::make_shared<DescribeOptions>();
  CLI::App& verb = add_verb(app, context, "describe", "Show what one plugin is: defaults, layers, parameters, options",
                            [&context, options] { return describe(context, *options); }, {"--plugin-path"});
  verb.add_option("kind", options->kind, "problem, extension, runner or layer")->type_name("KIND")->required();
  verb.add_option("name", options->name, "its name or an alias")->type_name("NAME")->required();
  verb.add_flag("--json", options->json, "print one object");
}

}  // namespace backobs
