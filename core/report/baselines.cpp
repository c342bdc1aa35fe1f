// SPDX-License-Identifier: MIT
#include "report/baselines.h"

#include "files/number_format.h"
#include "report/assets.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <vector>

namespace backobs {
namespace {

using Json = nlohmann::ordered_json;
using Line = std::map<std::string, std::string>;  ///< by the column's name

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
  return cells;
}

std::vector<Line> published_lines() {
  std::istringstream stream(kBaselineCurves);
  std::string text;
  std::getline(stream, text);
  const auto names = split(text);
  std::vector<Line> lines;
  while (std::getline(stream, text)) {
    const auto cells = split(text);
    Line line;
    for (std::size_t i = 0; i < cells.size() && i < names.size(); ++i) line[names[i]] = cells[i];
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

/// Five digits, as curves have them.
void add_value(Json& list, const std::string& text, double factor) {
  char shown[32];
  std::snprintf(shown, sizeof shown, "%.5g", parse_real(text).value_or(0) * factor);
  list.push_back(std::strtod(shown, nullptr));
}

void add_epoch(Json& optimizer, const Line& line, double loss_factor) {
  for (const std::string metric : {"loss", "accuracy"}) {
    const auto mean = line.find("test_" + metric + "_mean"), std = line.find("test_" + metric + "_std");
    if (mean == line.end() || std == line.end() || mean->second.empty()) continue;
    const double factor = metric == "loss" ? loss_factor : 1;
    add_value(optimizer["test " + metric]["mean"], mean->second, factor);
    add_value(optimizer["test " + metric]["std"], std->second, factor);
  }
}

Json& optimizer_named(Json& problem, const Line& line) {
  for (Json& one : problem["optimizers"])
    if (one["name"] == line.at("optimizer")) return one;
  problem["optimizers"].push_back({{"name", line.at("optimizer")}, {"seeds", std::atoi(line.at("seeds").c_str())}});
  return problem["optimizers"].back();
}

}  // namespace

Json published_baselines(const std::set<std::string>& problems) {
  const Json caveats = Json::parse(kBaselineCaveats);
  Json all = Json::object();
  for (const Line& line : published_lines()) {
    const std::string& name = line.at("problem");
    if (!problems.count(name)) continue;
    const Json own = caveats.value(name, Json::object());
    Json& problem = all[name];
    if (problem.is_null()) {
      problem = {{"caveats", {caveats["all"]["text"]}}, {"optimizers", Json::array()}};
      if (own.contains("text")) problem["caveats"].push_back(own["text"]);
    }
    add_epoch(optimizer_named(problem, line), line, own.value("loss_factor", 1.0));
  }
  return all;
}

}  // namespace backobs
