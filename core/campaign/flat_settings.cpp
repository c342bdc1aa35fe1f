// SPDX-License-Identifier: MIT
#include "campaign/flat_settings.h"

#include "files/number_format.h"

#include <set>

namespace backobs {
namespace {

using Json = nlohmann::ordered_json;

/// Settings that have a column of their own, say where files are, or tell again what another one says.
const std::set<std::string> kNotListed = {"problem", "runner", "seed", "data_dir", "init", "l2_reg_given"};
/// Columns that every table has; a setting of such a name gets its owner in front.
const std::set<std::string> kTaken = {"campaign", "run_id", "problem",   "runner", "seed",  "step",
                                      "epoch",    "split",  "metric", "parameter", "value", "wall_time"};

std::string value_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return shortest_real(value.get<double>());
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& item : value) text += (text.empty() ? "" : " ") + value_text(item);
  return text;
}

void add_options(std::map<std::string, std::string>& all, const Json& options, const std::string& head) {
  for (const auto& [name, value] : options.items()) all[head + name] = value_text(value);
}

}  // namespace

std::map<std::string, std::string> flat_settings(const Json& settings) {
  std::map<std::string, std::string> all;
  for (const auto& [name, value] : settings.items()) {
    if (name == "problem_options") {
      add_options(all, value, "problem.");
    } else if (name == "runner_options") {
      for (const auto& [option, held] : value.items()) all[(kTaken.count(option) ? "runner." : "") + option] = value_text(held);
    } else if (name == "extensions") {
      for (const Json& extension : value) {
        const std::string head = extension.at("name").get<std::string>() + ".";
        add_options(all, extension.at("options"), head);
        for (const char* key : {"plugin", "every", "budget", "record"})
          if (extension.contains(key)) all[head + key] = value_text(extension.at(key));
      }
    } else if (!kNotListed.count(name)) {
      all[name] = value_text(value);
    }
  }
  return all;
}

}  // namespace backobs
