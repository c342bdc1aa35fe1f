// SPDX-License-Identifier: MIT
#include "campaign/deepobs_json.h"
#include "campaign/recorder.h"
#include "campaign/safe_file.h"
#include "campaign/training.h"
#include "cli/campaign_flags.h"
#include "cli/train_flags.h"
#include "cli/verbs.h"
#include "files/number_format.h"
#include "host/at_work.h"

#include <backobs/log.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace backobs {
namespace {

struct TrainOptions {
  CLI::App* verb = nullptr;
  std::string runner = "sgd";
  std::string protocol;
  std::vector<std::string> extensions;
};

/// DeepOBS's lines on stdout, and below each step the shapes of what was computed in it, in the network's order.
class TrainPrinter final : public TrainingObserver {
 public:
  TrainPrinter(std::vector<std::string> parameters, int64_t epochs)
      : parameters_(std::move(parameters)), epochs_(epochs) {}

  void evaluated(const EpochEvaluation& evaluation, int64_t epoch, int64_t) override {
    std::fputs(evaluation_text(evaluation, epoch, epochs_).c_str(), stdout);
    std::fflush(stdout);
  }
  void rate_set(double rate) override { std::fputs(rate_text(rate).c_str(), stdout); }
  void shown(const StepPosition&, const std::string& quantity, const std::string& parameter,
             const TensorList& values) override {
    const auto at = std::find(parameters_.begin(), parameters_.end(), parameter) - parameters_.begin();
    lines_.emplace_back(
        at, "    " + parameter + (parameter.empty() ? "" : "  ") + quantity + " " + shapes_text(values) + "\n");
  }
  void step_done(const StepPosition& place, double loss, bool) override {
    if (lines_.empty()) return;
    std::printf("Epoch %lld, step %lld: loss %s\n", static_cast<long long>(place.epoch),
                static_cast<long long>(place.index), formatted("%g", loss).c_str());
    std::stable_sort(lines_.begin(), lines_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& line : lines_) std::fputs(line.second.c_str(), stdout);
    lines_.clear();
  }

 private:
  std::vector<std::string> parameters_;
  int64_t epochs_;
  std::vector<std::pair<std::ptrdiff_t, std::string>> lines_;  ///< of this step, by the parameter's place
};

ExtensionSettings extension_settings(Context& context, const std::string& plugin) {
  const std::string owner = "extension `" + plugin + "`";
  return {plugin, plugin, context.registry().schema("extension", plugin).check({}, owner, "--extensions"), 1, {}};
}

void set_environment_from_flags(RunSettings& settings, const CommonFlags& flags, const std::string& protocol) {
  std::map<std::string, RawValue> raw = overrides_from(flags);
  raw.erase("batch_size");
  if (!protocol.empty()) raw["protocol"] = {{protocol}, false, false, "--protocol"};
  set_environment(settings, environment_schema().check(raw, "backobs train", ""), [](auto&) { return "--device"; });
}

RunSettings read_settings(Context& context, const TrainOptions& options) {
  const Registry& registry = context.registry();
  const std::string runner = context.plugin("runner", options.runner).manifest.name;
  const Schema own = registry.schema("runner", runner);
  const auto [problem, raw_flags] = read_train_flags(options.verb->remaining(), own.joined(loop_schema({})));
  RunSettings settings;
  settings.problem.name = context.plugin("problem", problem).manifest.name;
  settings.problem.options =
      registry.schema("problem", settings.problem.name).check({}, "problem `" + settings.problem.name + "`", problem);
  const auto facts = registry.make_problem(settings.problem.name, settings.problem.options)->facts();
  auto raw = raw_flags;
  if (context.flags.batch_size) raw["batch_size"] = overrides_from(context.flags).at("batch_size");
  const Options values = own.joined(loop_schema(facts)).check(raw, "runner `" + runner + "`", "backobs train");
  settings.runner = {runner, only(own, values)};
  settings.loop = loop_settings(values, raw.count("l2_reg") > 0, "backobs train");
  set_environment_from_flags(settings, context.flags, options.protocol);
  for (const auto& plugin : context.extensions(options.extensions))
    settings.extensions.push_back(extension_settings(context, plugin));
  return settings;
}

/// Before hours of training: whether the result will have a place.
void require_room_for(const std::filesystem::path& output) {
  std::error_code ignored;
  auto nearest = std::filesystem::absolute(output);
  while (!std::filesystem::exists(nearest, ignored) && nearest.has_relative_path()) nearest = nearest.parent_path();
  if (!std::filesystem::is_directory(nearest, ignored) || ::access(nearest.c_str(), W_OK | X_OK) != 0)
    throw UsageError("--output", "`" + output.string() + "`", "a folder that can be made and written");
}

void write_result(const std::filesystem::path& output, const RunSettings& settings, const std::string& optimizer,
                  const Curves& curves, std::time_t start) {
  const auto file = output / deepobs_path(settings, optimizer, start);
  make_folder(file.parent_path());
  write_file(file, deepobs_json(settings, optimizer, curves));
  log::info("result: " + file.string());
}

ExitCode train(Context& context, const TrainOptions& options) {
  const std::time_t start = std::time(nullptr);
  tell_of_crashes();
  warn_of_threads(context.flags.thread_count());
  const RunSettings settings = from_command_line([&] { return read_settings(context, options); });
  if (!context.flags.output.empty()) require_room_for(context.flags.output);
  auto training = from_command_line([&] { return std::make_unique<Training>(settings, context.registry()); });
  for (const Refusal& refusal : training->refusals())
    log::warn(refusal.quantity + " of " + refusal.parameter + " is left out: " + refusal.reason);
  TrainPrinter printer(training->parameter_names(), settings.loop.epochs);
  const TrainingResult result = training->run(printer);
  if (const auto& at = result.divergence)
    log::warn("diverged in epoch " + std::to_string(at->epoch) + ", step " + std::to_string(at->step));
  if (!context.flags.output.empty())
    write_result(context.flags.output, settings, training->optimizer_name(), result.curves, start);
  return ExitCode::done;
}

}  // namespace

void add_train(CLI::App& app, Context& context) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App& verb =
      add_verb(app, context, "train", "Trains one problem: backobs train PROBLEM --lr 0.1 [--epochs 2 ...]",
               [&context, options] { return train(context, *options); });
  options->verb = &verb;
  verb.allow_extras();
  verb.add_option("--runner", options->runner, "runner plugin (default: sgd)")->type_name("NAME");
  verb.add_option("--extensions", options->extensions, "quantities to compute at every step; their shapes are printed")
      ->type_name("NAME,...")
      ->delimiter(',');
  verb.add_option("--protocol", options->protocol, "how sets are drawn and evaluated")->type_name("deepobs|strict");
  verb.footer(train_help());
}

}  // namespace backobs
