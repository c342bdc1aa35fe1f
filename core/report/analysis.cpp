// SPDX-License-Identifier: MIT
#include "report/analysis.h"

#include "files/comma_list.h"
#include "report/assets.h"

#include <backobs/error.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

namespace backobs {
namespace {

using Json = nlohmann::ordered_json;
using Members = std::vector<const AnalysedRun*>;
const std::string kPlugin = ".plugin";

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}
bool larger_is_better(const std::string& metric) { return ends_with(metric, "accuracy"); }

std::optional<double> if_finite(double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; }

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double population_std(const std::vector<double>& values) {
  const double centre = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// Curves of one metric, of the members that have it.
std::vector<const std::vector<double>*> curves_of(const Members& members, const std::string& metric) {
  std::vector<const std::vector<double>*> all;
  for (const AnalysedRun* run : members)
    if (const auto found = run->curves.find(metric); found != run->curves.end() && !found->second.empty())
      all.push_back(&found->second);
  return all;
}

SeedSummary summary(const std::vector<const std::vector<double>*>& curves, bool larger) {
  SeedSummary result;
  std::vector<double> last;
  std::size_t common = std::numeric_limits<std::size_t>::max();
  for (const auto* curve : curves) {
    last.push_back(curve->back());
    common = std::min(common, curve->size());
  }
  result.final = if_finite(mean(last));
  if (result.final) result.final_std = if_finite(population_std(last));
  for (std::size_t epoch = 0; epoch < common; ++epoch) {
    std::vector<double> values;
    for (const auto* curve : curves) values.push_back((*curve)[epoch]);
    const auto value = if_finite(mean(values));
    if (!value || (result.best && (larger ? *value <= *result.best : *value >= *result.best))) continue;
    result.best = value;
    result.best_epoch = static_cast<int64_t>(epoch);
  }
  return result;
}

/// Whether `key` is an option of an extension that some runs have.
bool is_of_extension(const std::string& key, const std::map<std::string, std::set<std::string>>& values) {
  return !ends_with(key, kPlugin) && values.count(key.substr(0, key.find('.')) + kPlugin) > 0;
}

/// Settings in which runs differ. An extension that only some of them have counts once, its options where they differ
/// among those; options of a runner where they differ among its runs.
std::vector<std::string> varying(const Members& runs) {
  std::map<std::string, std::set<std::string>> values, runners;
  for (const AnalysedRun* run : runs)
    for (const auto& [name, value] : run->settings) {
      values[name].insert(value);
      runners[name].insert(run->runner);
    }
  for (auto& [name, seen] : values)
    for (const AnalysedRun* run : runs)
      if (!run->settings.count(name) && runners[name].count(run->runner) && !is_of_extension(name, values)) seen.insert("");
  std::vector<std::string> names;
  for (const auto& [name, seen] : values)
    if (seen.size() > 1) names.push_back(name);
  return names;
}

/// "lr=0.1 with variance".
std::string name_of(const AnalysedRun& run, const std::vector<std::string>& keys) {
  std::vector<std::string> parts;
  for (const auto& key : keys) {
    const auto found = run.settings.find(key);
    if (found == run.settings.end()) continue;
    parts.push_back(ends_with(key, kPlugin) ? "with " + key.substr(0, key.find('.')) : key + "=" + found->second);
  }
  return comma_list(parts, " ");
}

/// The first epoch at which a run reaches a value; nothing where none does.
std::optional<int64_t> first_epoch(const std::vector<double>& curve, double value, bool larger) {
  const auto at = std::find_if(curve.begin(), curve.end(), [&](double x) { return larger ? x >= value : x <= value; });
  return at == curve.end() ? std::nullopt : std::optional<int64_t>(at - curve.begin());
}

void measure_speed(Setting& setting, const Members& members) {
  if (!setting.convergence) return;
  std::vector<double> epochs;
  for (const AnalysedRun* run : members) {
    const auto curve = run->curves.find(setting.performance_of);
    if (curve == run->curves.end()) continue;
    const auto first = first_epoch(curve->second, *setting.convergence, larger_is_better(setting.performance_of));
    setting.reached += first ? 1 : 0;
    epochs.push_back(static_cast<double>(first.value_or(run->epochs + 1)));
  }
  if (!epochs.empty()) setting.speed = mean(epochs);
}

std::string or_loss(const std::string& metric, const std::function<bool(const std::string&)>& is_there) {
  return is_there(metric) ? metric : metric.substr(0, metric.find(' ')) + " loss";
}

/// Better first; what has no value comes last, and settings that are equal stay in their order.
void rank(std::vector<Setting>& all, RankBy by) {
  std::vector<Setting*> settings;
  for (Setting& one : all) settings.push_back(&one);
  const auto value = [&](const Setting& one) {
    const auto found = one.metrics.find(one.ranked_by);
    if (found == one.metrics.end()) return std::optional<double>();
    return by == RankBy::best ? found->second.best : found->second.final;
  };
  const auto is_better = [&](const Setting* a, const Setting* b) {
    if (by == RankBy::most && a->runs.size() != b->runs.size()) return a->runs.size() > b->runs.size();
    const auto left = value(*a), right = value(*b);
    if (!left || !right) return left.has_value() && !right.has_value();
    return larger_is_better(a->ranked_by) ? *left > *right : *left < *right;
  };
  std::stable_sort(settings.begin(), settings.end(), is_better);
  const std::string name = rank_names()[static_cast<std::size_t>(by)];
  for (std::size_t i = 0; i < settings.size(); ++i) settings[i]->rank[name] = static_cast<int64_t>(i) + 1;
}

/// The settings of one problem, unranked.
std::vector<Setting> settings_of(const Members& runs, const std::string& wanted, const std::map<std::string, double>& convergence) {
  const auto is_there = [&](const std::string& metric) { return !curves_of(runs, metric).empty(); };
  const auto keys = varying(runs);
  std::vector<Setting> settings;
  std::vector<Members> members;
  for (const AnalysedRun* run : runs) {
    const std::string name = name_of(*run, keys);
    const auto same = std::find_if(settings.begin(), settings.end(),
                                   [&](const Setting& one) { return one.runner == run->runner && one.name == name; });
    const auto at = static_cast<std::size_t>(same - settings.begin());
    if (same == settings.end()) {
      Setting fresh;
      fresh.problem = run->problem;
      fresh.runner = run->runner;
      fresh.name = name;
      fresh.ranked_by = or_loss(wanted.empty() ? "valid accuracy" : wanted, is_there);
      fresh.performance_of = or_loss("test accuracy", is_there);
      if (const auto found = convergence.find(run->problem); found != convergence.end()) fresh.convergence = found->second;
      settings.push_back(std::move(fresh));
      members.emplace_back();
    }
    settings[at].runs.push_back(run->id);
    settings[at].diverged += run->diverged ? 1 : 0;
    members[at].push_back(run);
  }
  for (std::size_t i = 0; i < settings.size(); ++i) {
    for (const auto& metric : evaluation_metrics())
      if (const auto curves = curves_of(members[i], metric); !curves.empty())
        settings[i].metrics[metric] = summary(curves, larger_is_better(metric));
    measure_speed(settings[i], members[i]);
  }
  return settings;
}

template <typename Of>
std::vector<std::string> in_order(const std::vector<AnalysedRun>& runs, Of of) {
  std::vector<std::string> names;
  for (const AnalysedRun& run : runs)
    if (std::find(names.begin(), names.end(), of(run)) == names.end()) names.push_back(of(run));
  return names;
}

std::map<std::string, double> convergence_from(const Json& json) {
  std::map<std::string, double> values;
  for (const auto& [problem, value] : json.items()) values[problem] = value.get<double>();
  return values;
}

}  // namespace

AnalysedRun analysed(const FinishedRun& run, EpochCurves logged) {
  const Json& settings = run.record.at("settings");
  AnalysedRun one;
  one.id = run.id;
  one.problem = settings.at("problem").get<std::string>();
  one.runner = settings.at("runner").get<std::string>();
  one.settings = flat_settings(settings);
  one.diverged = run.record.at("state") == "diverged";
  one.epochs = settings.value("epochs", int64_t{0});
  one.curves = std::move(logged);
  for (auto& [metric, curve] : one.curves)
    if (one.diverged && !curve.empty()) curve.resize(std::max(curve.size(), static_cast<std::size_t>(one.epochs) + 1), double{curve.front()});
  return one;
}

std::vector<std::string> rank_names() { return {"final", "best", "most"}; }

std::vector<std::string> evaluation_metrics() {
  return {"train loss", "valid loss", "test loss", "train accuracy", "valid accuracy", "test accuracy"};
}

std::vector<Setting> analyse(const std::vector<AnalysedRun>& runs, const std::string& metric,
                             const std::map<std::string, double>& convergence) {
  std::vector<Setting> all;
  for (const auto& problem : in_order(runs, [](const AnalysedRun& run) { return run.problem; })) {
    Members members;
    for (const AnalysedRun& run : runs)
      if (run.problem == problem) members.push_back(&run);
    auto settings = settings_of(members, metric, convergence);
    for (const RankBy by : {RankBy::final, RankBy::best, RankBy::most}) rank(settings, by);
    std::move(settings.begin(), settings.end(), std::back_inserter(all));
  }
  return all;
}

std::map<std::string, double> published_convergence() { return convergence_from(Json::parse(kConvergence)); }

std::map<std::string, double> read_convergence(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw UsageError(file.string(), "no such file", "JSON with one number per problem");
  const Json json = Json::parse(stream, nullptr, false);
  const bool fits = json.is_object() && std::all_of(json.begin(), json.end(), [](const Json& value) { return value.is_number(); });
  if (!fits) throw UsageError(file.string(), "something else", "JSON with one number per problem: {\"fmnist_2c2d\": 0.92}");
  return convergence_from(json);
}

std::vector<StepCost> step_costs(const std::vector<Json>& records) {
  struct Alike {
    StepCost cost;
    std::string key;
  };
  std::vector<Alike> all;
  for (const Json& record : records) {
    const Json& settings = record.at("settings");
    const Json durations = record.value("durations", Json::object());
    std::string key;
    for (const char* name : {"problem", "problem_options", "runner", "batch_size", "l2_reg", "dtype", "device", "threads", "source"})
      key += settings.value(name, Json()).dump() + "\n";
    for (const Json& entry : durations.value("steps", Json::array())) {
      const auto names = comma_list(entry.at("extensions").get<std::vector<std::string>>());
      auto found = std::find_if(all.begin(), all.end(), [&](const Alike& one) { return one.key == key && one.cost.extensions == names; });
      if (found == all.end()) {
        StepCost fresh;
        fresh.problem = settings.at("problem").get<std::string>();
        fresh.batch_size = settings.value("batch_size", Json()).dump();
        fresh.threads = settings.value("threads", Json()).dump();
        fresh.dtype = settings.value("dtype", "");
        fresh.extensions = names;
        all.push_back({std::move(fresh), key});
        found = all.end() - 1;
      }
      found->cost.steps += entry.at("steps").get<int64_t>();
      found->cost.seconds += entry.at("seconds").get<double>();
    }
  }
  std::map<std::string, double> plain;
  for (const auto& [cost, key] : all)
    if (cost.extensions.empty() && cost.steps) plain[key] = cost.seconds / static_cast<double>(cost.steps);
  std::vector<StepCost> costs;
  for (auto& [cost, key] : all) {
    if (const auto found = plain.find(key); found != plain.end()) cost.plain = found->second;
    costs.push_back(std::move(cost));
  }
  return costs;
}

}  // namespace backobs
