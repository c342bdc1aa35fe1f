// SPDX-License-Identifier: MIT
#include "cli/verbs.h"

#include <backobs/log.h>

#include "data/checked_content.h"
#include "data/fetch.h"
#include "data/locate.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace backobs {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

struct DataOptions {
  std::string action, name;
  bool json = false;
};

const DataSet& named_set(const std::string& name) {
  return from_command_line([&]() -> const DataSet& { return data_set(name); });
}

/// All sets, or the one that was named.
std::vector<DataSet> chosen_sets(const DataOptions& options) {
  if (options.name.empty()) return data_sets();
  return {named_set(options.name)};
}

Json texts(const std::vector<fs::path>& paths) {
  Json list = Json::array();
  for (const auto& path : paths) list.push_back(path.string());
  return list;
}

Json description(const DataSet& set, const fs::path& root) {
  const auto located = locate(set, root);
  return {{"name", set.name}, {"title", set.title},
          {"state", !located ? "missing" : located->is_complete() ? "present" : "incomplete"},
          {"folder", located ? Json(located->folder.string()) : Json()},
          {"licence", set.licence}, {"how_to_get", how_to_get(set)}, {"searched", texts(search_folders(set, root))}};
}

void print_description(const Json& set) {
  const auto text = [&](const char* key) { return set[key].get<std::string>(); };
  const bool missing = set["state"] == "missing";
  std::printf("%-8s %-10s %s\n", text("name").c_str(), text("state").c_str(),
              missing ? text("how_to_get").c_str() : text("folder").c_str());
  std::printf("         %s; %s\n         looked for in:", text("title").c_str(), text("licence").c_str());
  for (const auto& folder : set["searched"]) std::printf(" %s", folder.get<std::string>().c_str());
  std::printf("\n");
}

ExitCode list(const Context& context, const DataOptions& options) {
  Json all = Json::array();
  for (const auto& set : chosen_sets(options)) all.push_back(description(set, context.flags.data_dir));
  if (options.json) std::printf("%s\n", all.dump(2).c_str());
  else for (const auto& set : all) print_description(set);
  return ExitCode::done;
}

/// One entry per file: ok, missing or wrong checksum. The content is read, whatever was remembered.
Json file_states(const DataSet& set, const fs::path& root) {
  Json states = Json::array();
  const auto located = locate(set, root);
  const auto& files = set.layouts[located ? located->layout : 0].files;
  const auto problems = located ? content_problems(set, *located) : std::vector<std::string>(files.size(), "missing");
  for (std::size_t i = 0; i < files.size(); ++i) {
    const bool missing = problems[i] == "missing";
    states.push_back({{"set", set.name}, {"file", files[i].name},
                      {"state", missing ? "missing" : problems[i].empty() ? "ok" : "wrong checksum"},
                      {"path", located && !located->files[i].empty() ? Json(located->files[i].string()) : Json()},
                      {"found", missing ? "" : problems[i]}});
  }
  return states;
}

bool all_are(const Json& states, const char* wanted) {
  return std::all_of(states.begin(), states.end(), [&](const Json& state) { return state["state"] == wanted; });
}

void print_state(const Json& state) {
  const auto found = state["found"].get<std::string>();
  std::printf("%-8s %-26s %s%s\n", state["set"].get<std::string>().c_str(), state["file"].get<std::string>().c_str(),
              state["state"].get<std::string>().c_str(), found.empty() ? "" : (" (found " + found + ")").c_str());
}

ExitCode verify(const Context& context, const DataOptions& options) {
  Json all = Json::array();
  bool good = true;
  for (const auto& set : chosen_sets(options)) {
    const Json states = file_states(set, context.flags.data_dir);
    const bool may_be_absent = options.name.empty() && all_are(states, "missing");
    good = good && (may_be_absent || all_are(states, "ok"));
    all.insert(all.end(), states.begin(), states.end());
  }
  if (options.json) std::printf("%s\n", all.dump(2).c_str());
  else for (const auto& state : all) print_state(state);
  return good ? ExitCode::done : ExitCode::data_missing;
}

bool is_usable(const DataSet& set, const LocatedSet& located) {
  const auto problems = content_problems(set, located);
  return std::all_of(problems.begin(), problems.end(), [](const std::string& problem) { return problem.empty(); });
}

ExitCode fetch_named(const Context& context, const DataOptions& options) {
  if (options.name.empty()) throw UsageError("backobs data fetch", "no name", "a set that `backobs data list` shows");
  if (options.json) throw UsageError("backobs data fetch", "--json", "--json with list or verify");
  const DataSet& set = named_set(options.name);
  const auto located = locate(set, context.flags.data_dir);
  if (located && is_usable(set, *located)) {
    log::info(set.title + " is already there");
    std::printf("%s\n", located->folder.c_str());
    return ExitCode::done;
  }
  const auto folder = fetch_folder(set, context.flags.data_dir);
  fetch(set, folder);
  std::printf("%s\n", folder.c_str());
  return ExitCode::done;
}

ExitCode act(const Context& context, const DataOptions& options) {
  if (options.action == "list") return list(context, options);
  if (options.action == "verify") return verify(context, options);
  if (options.action == "fetch") return fetch_named(context, options);
  throw UsageError("backobs data", "`" + options.action + "`", "list, fetch or verify",
                   nearest_name(options.action, {"list", "fetch", "verify"}));
}

}  // namespace

void add_data(CLI::App& app, Context& context) {
  auto options = std::make_shared<DataOptions>();
  CLI::App& verb = add_verb(app, context, "data", "lists, fetches and verifies data sets",
                            [&context, options] { return act(context, *options); }, {"--data-dir"});
  verb.add_option("action", options->action, "list, fetch or verify")->required();
  verb.add_option("name", options->name, "a data set; list and verify take all without it");
  verb.add_flag("--json", options->json, "the answer of list or verify as JSON");
  verb.footer("verify exits with 5 if a file is wrong or missing; without a name, a set that is absent altogether is only listed.");
}

}  // namespace backobs
