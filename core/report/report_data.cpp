// SPDX-License-Identifier: MIT
#include "report/report_data.h"

#include "report/finished_runs.h"
#include "report/run_status.h"

#include <backobs/error.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace backobs {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMostPoints = 200, kFewestPoints = 8;  ///< of one series

struct Series {
  std::vector<int64_t> steps;
  std::vector<double> values;
};

/// What one run has logged.
struct Logged {
  EpochCurves curves;
  std::map<std::string, Series> quantities;  ///< "variance.mean of dense.weight", by step
};

/// Five digits are more than a picture shows.
Json shortened(double value) {
  if (!std::isfinite(value)) return nullptr;
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return std::strtod(text, nullptr);
}

void take(Logged& logged, const MetricRow& row) {
  const double value = std::strtod(row.value.c_str(), nullptr);
  if (row.split != "train") {
    const std::string split = row.split == "train_eval" ? "train" : row.split;
    logged.curves[split + " " + row.metric].push_back(value);
    return;
  }
  if (row.metric.find(".histogram[") != std::string::npos) return;
  const std::string metric = row.metric == "loss" ? "mini-batch loss" : row.metric;
  Series& series = logged.quantities[row.parameter.empty() ? metric : metric + " of " + row.parameter];
  series.steps.push_back(row.step);
  series.values.push_back(value);
}

Json thinned(const Series& series, std::size_t points) {
  Json json = {{"x", Json::array()}, {"y", Json::array()}};
  const std::size_t count = series.steps.size(), kept = std::min(count, points);
  for (std::size_t i = 0; i < kept; ++i) {
    const std::size_t at = kept > 1 ? i * (count - 1) / (kept - 1) : 0;
    json["x"].push_back(series.steps[at]);
    json["y"].push_back(shortened(series.values[at]));
  }
  return json;
}

Json curves_json(const EpochCurves& curves) {
  Json json = Json::object();
  for (const auto& [name, values] : curves)
    for (const double value : values) json[name].push_back(shortened(value));
  return json;
}

Json run_json(const RunStatus& status) {
  const Json& settings = status.run.settings;
  Json json = {{"id", status.run.id},
               {"index", status.run.index},
               {"problem", settings.value("problem", "")},
               {"runner", settings.value("runner", "")},
               {"seed", settings.value("seed", int64_t{0})},
               {"state", status.state},
               {"reason", status.reason},
               {"seconds", nullptr},
               {"settings", Json::object()},
               {"final", Json::object()},
               {"curves", Json::object()},
               {"quantities", Json::object()}};
  for (const auto& [name, value] : flat_settings(settings)) json["settings"][name] = value;
  return json;
}

void add_environment(Json& environment, const Json& record) {
  const auto add = [&](const std::string& name, const Json& value) {
    Json& values = environment[name];
    if (!value.is_null() && std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  };
  if (record.contains("machine"))
    for (const auto& [name, value] : record["machine"].items()) add(name, value);
  add("threads", record["settings"].value("threads", Json()));
  if (record["versions"].contains("plugins"))
    for (const Json& plugin : record["versions"]["plugins"])
      add(plugin.value("kind", "") + " " + plugin.value("name", ""), plugin.value("version", Json()));
}

/// Names of quantities that have room, in alphabetical order, and how many points each series gets.
std::pair<std::set<std::string>, std::size_t> choose(const std::map<std::string, Logged>& logged, std::size_t points,
                                                     std::size_t& left_out) {
  std::map<std::string, std::size_t> series;
  for (const auto& [id, one] : logged)
    for (const auto& [name, values] : one.quantities) ++series[name];
  std::set<std::string> names;
  std::size_t taken = 0;
  for (const auto& [name, count] : series) {
    if ((taken + count) * kFewestPoints > points) {
      left_out += count;
      continue;
    }
    names.insert(name);
    taken += count;
  }
  return {names, std::clamp(points / std::max<std::size_t>(1, taken), kFewestPoints, kMostPoints)};
}

Json number_or_null(const std::optional<double>& value) { return value ? shortened(*value) : Json(); }

}  // namespace

Json ranking_json(const std::vector<Setting>& settings) {
  Json all = Json::array();
  for (const Setting& one : settings) {
    Json metrics = Json::object();
    for (const auto& [name, summary] : one.metrics)
      metrics[name] = {{"final", number_or_null(summary.final)},
                       {"std", number_or_null(summary.final_std)},
                       {"best", number_or_null(summary.best)},
                       {"best_epoch", summary.best ? Json(summary.best_epoch) : Json()}};
    all.push_back({{"problem", one.problem},
                   {"runner", one.runner},
                   {"setting", one.name},
                   {"runs", one.runs},
                   {"diverged", one.diverged},
                   {"ranked_by", one.ranked_by},
                   {"rank", one.rank},
                   {"metrics", std::move(metrics)},
                   {"performance_of", one.performance_of},
                   {"convergence", number_or_null(one.convergence)},
                   {"speed", number_or_null(one.speed)},
                   {"reached", one.reached}});
  }
  return all;
}

Json step_costs_json(const std::vector<StepCost>& costs) {
  Json all = Json::array();
  for (const StepCost& one : costs)
    all.push_back({{"problem", one.problem},
                   {"batch_size", one.batch_size},
                   {"dtype", one.dtype},
                   {"threads", one.threads},
                   {"extensions", one.extensions},
                   {"steps", one.steps},
                   {"ms", shortened(1e3 * one.seconds / static_cast<double>(one.steps))},
                   {"plain_ms", one.plain ? shortened(1e3 * *one.plain) : Json()}});
  return all;
}

ReportData report_data(const CampaignFolder& folder, const ReportChoices& choices, std::size_t points) {
  ReportData data;
  data.runs = Json::array();
  data.environment = Json::object();
  std::map<std::string, Logged> logged;
  std::map<std::string, Json> records;
  std::vector<AnalysedRun> analysed_runs;
  std::vector<Json> timed;
  for (FinishedRun& run : finished_runs(folder.path(), data.damaged)) try {
      Logged one;
      read_metrics(run, [&](const MetricRow& row) { take(one, row); });
      analysed_runs.push_back(analysed(run, one.curves));
      logged[run.id] = std::move(one);
      add_environment(data.environment, run.record);
      timed.push_back(run.record);
      records[run.id] = std::move(run.record);
    } catch (const ComputeError& e) {
      data.damaged[run.id] = e.what();
    }
  data.settings = analyse(analysed_runs, choices.metric, choices.convergence);
  data.step_costs = step_costs(timed);
  std::map<std::string, const AnalysedRun*> by_id;
  for (const AnalysedRun& run : analysed_runs) by_id[run.id] = &run;
  const auto [names, length] = choose(logged, points, data.left_out);
  for (const RunStatus& status : campaign_status(folder)) {
    Json json = run_json(status);
    if (const auto found = data.damaged.find(status.run.id); found != data.damaged.end()) {
      json["state"] = "damaged";
      json["reason"] = found->second;
    }
    if (const auto record = records.find(status.run.id); record != records.end()) {
      const Logged& one = logged[status.run.id];
      json["seconds"] = shortened(record->second["durations"].value("training_s", 0.0));
      json["curves"] = curves_json(one.curves);
      for (const auto& [name, values] : by_id.at(status.run.id)->curves) json["final"][name] = shortened(values.back());
      for (const auto& [name, series] : one.quantities)
        if (names.count(name)) json["quantities"][name] = thinned(series, length);
    }
    data.runs.push_back(std::move(json));
  }
  std::ifstream stream(folder.path() / "campaign.yaml");
  data.yaml.assign(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  return data;
}

}  // namespace backobs
