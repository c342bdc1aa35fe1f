// SPDX-License-Identifier: MIT
#pragma once

#include <backobs/data.h>
#include <backobs/options.h>
#include <backobs/problem.h>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

/// Everything that decides what a run computes. Nothing here is optional any more: defaults have been filled in.
namespace backobs {

struct PluginSettings {
  std::string name;
  Options options;
};

/// One extension of a run.
struct ExtensionSettings {
  std::string name;  ///< in every key: its `as`, or the plugin's name
  std::string plugin;
  Options options;
  int64_t every = 1;                ///< due at global steps 0, every, 2 every, …, before the update
  std::vector<std::string> record;  ///< reductions (reduction.h), "histogram" (histogram.h); empty: shapes are logged
  bool save_tensors = false;        ///< write them to files (tensor_files.h)
  double budget = 0;  ///< per cent of the training's time; above 0 it decides when the extension is due, instead of `every`
};

/// Options of the loop, the same for every runner; they stand in the runner's map.
struct BACKOBS_API LoopSettings {
  int64_t epochs = 0;
  int64_t batch_size = 0;
  double l2_reg = 0;
  bool l2_reg_given = false;             ///< DeepOBS's paths tell an explicit penalty from the problem's default
  std::vector<int64_t> lr_sched_epochs;  ///< increasing; from epoch lr_sched_epochs[i] on …
  std::vector<double> lr_sched_factors;  ///< … the rate is base rate times lr_sched_factors[i], not cumulative
  int64_t log_interval = 10;             ///< mini-batch losses are kept at steps 0, log_interval, … of each epoch
  int64_t max_steps = 0;                 ///< an epoch ends after so many steps; 0: with its data
  double max_time = 0;                   ///< seconds of training after which the run ends; 0: never
  int64_t patience = 0;                  ///< epochs without a better validation loss after which it ends; 0: never

  /// Factor on the base rate during `epoch`.
  double rate_factor(int64_t epoch) const;
};

struct BACKOBS_API RunSettings {
  PluginSettings problem, runner;
  std::vector<ExtensionSettings> extensions;
  LoopSettings loop;
  uint64_t seed = 42;
  int64_t threads = 1;
  std::string dtype = "float32";
  std::string device = "cpu";
  Source source = Source::real;
  Protocol protocol = Protocol::deepobs;
  bool penalty_in_quantities = true;
  std::filesystem::path init;         ///< parameters to start from (`parameters.pt` of a run); empty: the problem's draws
  std::string init_digest;            ///< SHA-256 of that file: its content, not its place, is part of a run's id
  std::filesystem::path data_folder;  ///< where files are, not what is computed: no part of a run's id

  c10::ScalarType scalar_type() const;
  DataRequest data_request() const;
};

/// `epochs`, `batch_size`, `l2_reg` with the problem's defaults, and the rest of LoopSettings.
BACKOBS_API Schema loop_schema(const ProblemFacts& facts);
/// `as`, `every`, `budget`, `record`, `save`: what every extension understands beside its own options.
BACKOBS_API Schema instance_schema();
/// `source`, `protocol`, `penalty`, `init`, `dtype`, `device`, `threads`, `data_dir`, `seeds`: keys of an experiment with one
/// value.
BACKOBS_API Schema environment_schema();
constexpr int64_t kMostThreads = 1024;  ///< of a run; beyond the cores they only wait for one another

/// Options of one plugin alone, out of values checked against a joined schema.
BACKOBS_API Options only(const Schema& schema, const Options& values);
/// Throws ConfigError for a schedule whose lists do not match.
BACKOBS_API LoopSettings loop_settings(const Options& values, bool l2_reg_given, const std::string& where);
/// Where an option was given: file:line:column, or a flag.
using PlaceOf = std::function<std::string(const std::string& option)>;
/// Takes what environment_schema checked. Throws ConfigError for a device this machine lacks, and for a
/// file of initial parameters that cannot be read.
BACKOBS_API void set_environment(RunSettings& settings, const Options& values, const PlaceOf& where);

/// Strict JSON of every effective setting, in a fixed order.
BACKOBS_API nlohmann::ordered_json settings_json(const RunSettings& settings);
/// An option's value as JSON.
BACKOBS_API nlohmann::ordered_json value_json(const Option::Value& value);
/// Twelve hexadecimal digits of SHA-256 over settings_json without the places of data and initial parameters.
BACKOBS_API std::string settings_id(const RunSettings& settings);
/// "fmnist_logreg sgd lr=0.1 seed=42": for people, in progress lines and tables.
BACKOBS_API std::string short_text(const RunSettings& settings);

}  // namespace backobs
