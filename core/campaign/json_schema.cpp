// SPDX-License-Identifier: MIT
#include "campaign/json_schema.h"

#include "campaign/axis.h"
#include "campaign/settings.h"

#include <backobs/error.h>
#include <backobs/log.h>

namespace backobs {
namespace {

using Json = nlohmann::ordered_json;
using Type = Option::Type;

Json list_of(const Json& item) { return {{"type", "array"}, {"items", item}}; }
Json axis_of(const Json& item) { return {{"type", "array"}, {"minItems", 1}, {"items", item}}; }
Json reference(const char* name) { return {{"$ref", std::string("#/definitions/") + name}}; }

Json bounded(const char* type, const Option& option) {
  Json json = {{"type", type}};
  if (option.minimum) json[option.minimum_is_open ? "exclusiveMinimum" : "minimum"] = *option.minimum;
  if (option.maximum) json["maximum"] = *option.maximum;
  return json;
}

/// Unquoted 1.5 or true is a number or a switch to an editor, and text to us.
Json text_schema(const Option& option) {
  if (option.choices.empty()) return {{"type", {"string", "number", "boolean"}}};
  return {{"enum", option.choices}};
}

/// One value, no axis.
Json value_schema(const Option& option) {
  switch (option.type) {
    case Type::flag: return {{"type", "boolean"}};
    case Type::integer: return bounded("integer", option);
    case Type::real: return bounded("number", option);
    case Type::text: return text_schema(option);
    case Type::integers: return list_of(bounded("integer", option));
    case Type::reals: return list_of(bounded("number", option));
    case Type::texts: return list_of(text_schema(option));
  }
  return Json::object();
}

Json option_schema(const Option& option) {
  const Json value = value_schema(option);
  Json json = {{"description", option.doc}, {"anyOf", {value, axis_of(value)}}};
  if (option.type == Type::integer || option.type == Type::real) json["anyOf"].push_back(reference("range"));
  if (option.fallback) json["default"] = value_json(*option.fallback);
  return json;
}

Json properties_of(const Schema& schema) {
  Json json = Json::object();
  for (const Option& option : schema.options()) json[option.name] = option_schema(option);
  json["zip"] = reference("zip");
  return json;
}

Json map_of(Json properties) {
  return {{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
}

/// What stands for a text option as a map.
Json word_schema(const std::vector<Option>& inside) {
  Json properties = Json::object();
  for (const Option& option : inside) properties[option.name] = option_schema(option);
  Json json = map_of(std::move(properties));
  json["required"] = Json::array({inside.front().name});
  return json;
}

/// One plugin's map, under its name and its aliases.
Json plugin_schema(const PluginFile& plugin, const Schema& own, const Schema& more) {
  Json names = Json::array({plugin.manifest.name});
  for (const auto& alias : plugin.manifest.aliases) names.push_back(alias);
  Json properties = {{"name", {{"enum", names}}}};
  properties.update(properties_of(own.joined(more)));
  for (const Option& option : own.options())
    if (const auto inside = options_in_map(own, option); !inside.empty()) {
      const Json value = value_schema(option), map = word_schema(inside);
      properties[option.name]["anyOf"] = {value, map, axis_of({{"anyOf", {value, map}}})};
    }
  Json json = map_of(std::move(properties));
  json["description"] = plugin.manifest.summary;
  return json;
}

/// Names alone, or maps with options; `more` is what every plugin of the kind understands beside its own.
Json kind_schema(const Registry& registry, const char* kind, const Schema& more) {
  Json names = Json::array(), maps = Json::array();
  for (const PluginFile& plugin : registry.list(kind)) try {
      maps.push_back(plugin_schema(plugin, registry.schema(kind, plugin.manifest.name), more));
      names.push_back(plugin.manifest.name);
      for (const auto& alias : plugin.manifest.aliases) names.push_back(alias);
    } catch (const Error& e) {
      log::warn(std::string(e.what()) + "; it is left out");
    }
  Json any = Json::array();
  any.push_back({{"enum", names}});
  for (Json& map : maps) any.push_back(std::move(map));
  return {{"anyOf", std::move(any)}};
}

Json experiment_properties() {
  Json json = {{"problem", {{"anyOf", {reference("problem"), axis_of(reference("problem"))}}}},
               {"runner", {{"anyOf", {reference("runner"), axis_of(reference("runner"))}}}},
               {"extensions",
                {{"anyOf", {list_of(reference("extension")), axis_of(list_of(reference("extension")))}}}}};
  json.update(properties_of(environment_schema()));
  json["include"] = axis_of(reference("experiment"));
  json["exclude"] = axis_of({{"type", "object"}});
  return json;
}

Json range_schema() {
  Json json = map_of({{"from", {{"type", "number"}}},
                      {"to", {{"type", "number"}}},
                      {"count", {{"type", "integer"}, {"minimum", 1}}},
                      {"scale", {{"enum", {"linear", "log"}}, {"default", "linear"}}},
                      {"random", {{"type", "integer"}, {"minimum", 0}}}});
  json["required"] = {"from", "to", "count"};
  return json;
}

}  // namespace

nlohmann::ordered_json experiment_schema(const Registry& registry) {
  const Json experiment = map_of(experiment_properties());
  Json json = map_of({{"campaign", {{"type", "string"}, {"pattern", "^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"}}},
                      {"defaults", reference("experiment")},
                      {"experiments", axis_of(reference("experiment"))}});
  json["required"] = {"campaign", "experiments"};
  Json whole = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "BackOBS experiment file"}};
  whole.update(json);
  whole["definitions"] = {{"experiment", experiment},
                          {"problem", kind_schema(registry, "problem", {})},
                          {"runner", kind_schema(registry, "runner", loop_schema({}))},
                          {"extension", kind_schema(registry, "extension", instance_schema())},
                          {"range", range_schema()},
                          {"zip", axis_of(list_of({{"type", "string"}}))}};
  return whole;
}

}  // namespace backobs
