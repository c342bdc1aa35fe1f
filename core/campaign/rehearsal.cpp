// SPDX-License-Identifier: MIT
#include "campaign/rehearsal.h"

#include <backobs/error.h>

#include "campaign/attribution.h"
#include "campaign/execute_run.h"
#include "campaign/instances.h"
#include "campaign/training_state.h"

#include <algorithm>
#include <optional>
#include <sstream>

namespace backobs {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kTrace = "trace";
constexpr const char* kEvaluationGradient =
    "grad_eval";  ///< comes with the results of whatever normalises over the batch

/// What a run's network, data and extensions do not depend on.
const std::vector<const char*> kNoMatter = {
    "seed",         "epochs",    "l2_reg",   "l2_reg_given", "lr_sched_epochs", "lr_sched_factors",
    "log_interval", "max_steps", "max_time", "patience"};

bool records_trace(const ExtensionSettings& extension) {
  return std::count(extension.record.begin(), extension.record.end(), kTrace) > 0;
}

bool is_square(const Tensor& value) { return value.dim() >= 2 && value.size(-1) == value.size(-2); }

ConfigError not_square(const std::string& quantity, const std::string& parameter, const Tensor& value) {
  std::ostringstream shape;
  shape << value.sizes();
  return {"record: trace of `" + quantity + "` of `" + parameter + "`", "shape " + shape.str(), "[..., D, D]"};
}

Json refusals_json(const std::vector<Refusal>& refusals) {
  Json json = Json::array();
  for (const Refusal& one : refusals) json.push_back({one.quantity, one.parameter, one.reason});
  return json;
}

}  // namespace

/// A problem with its network, and its data once somebody asked for them.
struct Rehearsal::Built {
  std::shared_ptr<const Problem> problem;
  std::shared_ptr<Network> network;
  std::shared_ptr<const LossRule> loss;
  mutable std::shared_ptr<const DataSource> data;
};

/// What was found of runs that are alike. Objections name the kind of place, which every run has for itself.
struct Rehearsal::Found {
  struct Complaint {
    std::string place;  ///< problem, runner, batch_size, init, or an extension's number
    std::string text;
  };
  std::vector<Complaint> complaints;
  std::vector<Refusal> left_out;
  std::optional<Costs> costs;
  std::string no_costs;  ///< why they could not be measured

  bool complains_of(const std::string& place) const {
    return std::any_of(complaints.begin(), complaints.end(), [&](const Complaint& one) { return one.place == place; });
  }
  /// Runs a check; what it throws is a complaint, and false is returned.
  template <typename Check>
  bool holds(const std::string& place, Check check) {
    try {
      check();
      return true;
    } catch (...) {
      complaints.push_back({place, present_message()});
    }
    return false;
  }
};

bool Rehearsal::concerns(const Run& run) const {
  const RunSettings& s = run.settings;
  if (measures_ || !s.extensions.empty() || !s.init.empty()) return true;
  if (!registry_.make_runner(s.runner.name, s.runner.options)->wants().empty()) return true;
  return s.loop.batch_size > registry_.make_problem(s.problem.name, s.problem.options)->facts().batch_size;
}

const Rehearsal::Built& Rehearsal::built(const RunSettings& settings) {
  const Json all = settings_json(settings);
  const std::string key = Json{all["problem"], all["problem_options"], all["dtype"],   all["device"],
                               all["source"],  all["protocol"],        all["data_dir"]}
                              .dump();
  if (built_ && built_for_ == key) return *built_;
  const AtWork mark("problem", settings.problem.name, "set-up");
  built_.reset();  // before the next one is made: two networks may not fit
  const std::shared_ptr<const Problem> problem =
      registry_.make_problem(settings.problem.name, settings.problem.options);
  auto network = std::make_shared<Network>(problem->network(Random(settings.seed)));
  network->to(settings.scalar_type(), c10::Device(settings.device));
  built_ = std::make_shared<Built>(Built{problem, network, problem->loss(), nullptr});
  built_for_ = key;
  return *built_;
}

void Rehearsal::check_initial(const Run& run, const Built& built, Found& found) const {
  if (run.settings.init.empty()) return;
  found.holds("init", [&] { load_initial(run.settings.init, *built.network); });
}

/// A problem's own batch size fits; for a larger one its data are looked at. That they are missing is the run's to say.
void Rehearsal::check_batch(const Run& run, const Built& built, Found& found) const {
  const RunSettings& s = run.settings;
  if (s.loop.batch_size <= built.problem->facts().batch_size) return;
  try {
    if (!built.data) built.data = built.problem->data(s.data_request());
  } catch (const DataError&) {
    return;
  }
  found.holds("batch_size", [&] { check_batch_size(*built.data, s); });
}

/// An extension that works for no parameter is a mistake; one that works for some does what it can.
void Rehearsal::check_extensions(const Run& run, const Built& built, Found& found) const {
  const RunSettings& s = run.settings;
  const Pass pass(*built.network, built.loss, pass_settings(s, built.problem));
  std::vector<ExtensionInstance> together;
  for (std::size_t i = 0; i < s.extensions.size(); ++i)
    found.holds(std::to_string(i), [&] {
      const auto instance = watched_by(s, s.extensions[i], registry_, pass).instance;
      instance.extension->begin_pass({s.loop.batch_size, 0, 0, Random(s.seed)});
      together.push_back(instance);
    });
  // As a run has them: what all want of the signals decides how a pass is cut, and that what fits.
  const auto refused = pass.refusals(together, s.loop.batch_size);
  for (std::size_t i = 0; i < s.extensions.size(); ++i)
    found.holds(std::to_string(i), [&] { add_refused(s.extensions[i].name, refused, pass.parameters().size(), s, found); });
}

void Rehearsal::add_refused(const std::string& name, const std::vector<Refusal>& refused, std::size_t parameters,
                            const RunSettings& s, Found& found) {
  std::vector<Refusal> own;
  for (const Refusal& one : refused)
    if (one.quantity == name) own.push_back(one);
  if (own.size() == parameters && !own.empty())
    throw ConfigError("", "extension `" + name + "` works for no parameter of problem `" + s.problem.name + "`: " +
                              own.front().reason);
  found.left_out.insert(found.left_out.end(), own.begin(), own.end());
}

/// Traces are of squares. What shape a result has only a pass tells: one of two synthetic samples, or of as many as the
/// extension wants.
void Rehearsal::check_traces(const Run& run, const Built& built, Found& found) const {
  RunSettings s = run.settings;
  s.source = Source::synthetic;
  std::shared_ptr<const DataSource> data;
  for (std::size_t i = 0; i < s.extensions.size(); ++i) {
    if (!records_trace(s.extensions[i]) || found.complains_of(std::to_string(i))) continue;
    if (!data) data = built.problem->data(s.data_request());
    found.holds(std::to_string(i), [&] { look_at_trace(s, s.extensions[i], built, *data); });
  }
}

void Rehearsal::look_at_trace(const RunSettings& s, const ExtensionSettings& extension, const Built& built,
                              const DataSource& data) const {
  Pass pass(*built.network, built.loss, pass_settings(s, built.problem));
  const auto instance =
      make_instance(registry_, pass, s.problem.name, extension.name, extension.plugin, extension.options);
  const auto order = data.order(Phase::train, Random(s.seed));
  std::vector<ConfigError> errors;
  const auto check = [&](const std::string& quantity, const std::string& parameter, const ResultValue& value) {
    for (const Tensor& one : value.tensors)
      if (quantity != kEvaluationGradient && !is_square(one)) errors.push_back(not_square(quantity, parameter, one));
  };
  const auto walk = [&](int64_t samples) {
    const Batch batch = data.batch(Phase::train, {order.begin(), order.begin() + samples}, Random(s.seed));
    pass.run(batch, {samples, 0, 0, Random(s.seed)}, true, {instance}, check);
  };
  const int64_t most = std::min(s.loop.batch_size, static_cast<int64_t>(order.size()));
  try {
    walk(std::min<int64_t>(2, most));
  } catch (const std::exception&) {
    errors.clear();
    walk(most);
  }
  if (!errors.empty()) throw errors.front();
}

void Rehearsal::check_runner(const Run& run, const Built& built, Found& found) const {
  const RunSettings& s = run.settings;
  const Pass pass(*built.network, built.loss, pass_settings(s, built.problem));
  found.holds("runner", [&] {
    const AtWork mark("runner", s.runner.name, "wants");
    wanted_by(*registry_.make_runner(s.runner.name, s.runner.options), s, registry_, pass);
  });
}

Rehearsal::Found Rehearsal::look_anew(const Run& run) try {
  Found found;
  const Built& network = built(run.settings);
  check_initial(run, network, found);
  check_batch(run, network, found);
  check_extensions(run, network, found);
  check_traces(run, network, found);
  check_runner(run, network, found);
  if (!measures_ || !found.complaints.empty()) return found;
  built_.reset();  // what is measured is what a run needs
  try {
    found.costs = measure_costs(run.settings, registry_);
  } catch (const DataError& e) {
    found.no_costs = e.what();
  }
  return found;
} catch (...) {  // the problem's network cannot be built, or not one step be done
  Found found;
  found.complaints.push_back({"problem", present_message()});
  return found;
}

std::string Rehearsal::look_at(const Run& run) {
  Json key = settings_json(run.settings);
  for (const char* name : kNoMatter) key.erase(name);
  if (registry_.make_runner(run.settings.runner.name, run.settings.runner.options)->wants().empty())
    key.erase("runner_options");
  auto& found = found_[key.dump()];
  if (!found) found = std::make_shared<const Found>(look_anew(run));
  Json line = {{"run", run.index}, {"complaints", Json::array()}, {"left_out", refusals_json(found->left_out)}};
  for (const auto& complaint : found->complaints) line["complaints"].push_back({complaint.place, complaint.text});
  if (found->costs) {
    const Estimate cost = estimate(run.settings, *found->costs);
    line["estimate"] = {cost.seconds, cost.memory_mib, cost.disk_mib};
  } else if (measures_ && !found->no_costs.empty()) {
    line["no_estimate"] = found->no_costs;
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

namespace {

std::string place_of(const Places& places, const std::string& name) {
  if (name == "problem") return places.problem;
  if (name == "runner") return places.runner;
  if (name == "batch_size") return places.batch_size;
  if (name == "init") return places.init;
  return places.extensions.at(std::stoul(name));
}

}  // namespace

void read_rehearsed(const std::string& line, const Plan& plan, Rehearsed& all) try {
  const Json json = Json::parse(line);
  const auto index = json.at("run").get<int64_t>();
  const Run& run = plan.runs.at(static_cast<std::size_t>(index));
  for (const Json& one : json.at("complaints")) {
    const std::string place = one.at(0), prefix = place == "init" ? "init " : "";
    all.obstacles.push_back({index, {place_of(run.places, place), prefix + one.at(1).get<std::string>()}});
  }
  for (const Json& one : json.at("left_out")) all.left_out[index].push_back({one.at(0), one.at(1), one.at(2)});
  if (json.contains("estimate"))
    all.estimates[index] = {json["estimate"].at(0), json["estimate"].at(1), json["estimate"].at(2)};
  if (json.contains("no_estimate")) all.no_estimates[index] = json["no_estimate"];
} catch (const std::exception&) {  // cut off where its process died
}

}  // namespace backobs
