// SPDX-License-Identifier: MIT
#include "cli/campaign_flags.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace backobs {
namespace {

struct PlanOptions {
  std::filesystem::path file;
  std::vector<std::string> set;
  bool json = false;
};

nlohmann::ordered_json run_json(const Run& run) {
  nlohmann::ordered_json json = {{"index", run.index}, {"id", run.id}};
  json["settings"] = settings_json(run.settings);
  return json;
}

void print_json(const Plan& plan) {
  nlohmann::ordered_json json = {{"campaign", plan.campaign}, {"runs", nlohmann::ordered_json::array()}};
  for (const Run& run : plan.runs) json["runs"].push_back(run_json(run));
  std::printf("%s\n", json.dump(2).c_str());
}

std::string extension_text(const ExtensionSettings& extension) {
  std::string text = extension.name;
  if (extension.plugin != extension.name) text += " (" + extension.plugin + ")";
  if (extension.every != 1) text += " every " + std::to_string(extension.every);
  for (const auto& [name, value] : extension.options.values()) text += " " + name + "=" + to_text(value);
  for (std::size_t i = 0; i < extension.record.size(); ++i) text += (i ? "," : " record ") + extension.record[i];
  return text;
}

std::string loop_text(const LoopSettings& loop) {
  std::string text = "epochs=" + std::to_string(loop.epochs) + " batch_size=" + std::to_string(loop.batch_size) +
                     " l2_reg=" + to_text(loop.l2_reg) + " log_interval=" + std::to_string(loop.log_interval);
  if (loop.max_steps) text += " max_steps=" + std::to_string(loop.max_steps);
  if (!loop.lr_sched_epochs.empty())
    text += " lr_sched_epochs=" + to_text(loop.lr_sched_epochs) + " lr_sched_factors=" + to_text(loop.lr_sched_factors);
  return text;
}

void print_run(const Run& run, const Paint& paint) {
  const RunSettings& s = run.settings;
  std::printf("%3lld %s  %s\n", static_cast<long long>(run.index), paint.bold(run.id).c_str(), short_text(s).c_str());
  std::printf("      %s\n", loop_text(s.loop).c_str());
  std::printf("      source=%s protocol=%s penalty=%s dtype=%s device=%s threads=%lld\n",
              s.source == Source::synthetic ? "synthetic" : "real",
              s.protocol == Protocol::strict ? "strict" : "deepobs", s.penalty_in_quantities ? "include" : "exclude",
              s.dtype.c_str(), s.device.c_str(), static_cast<long long>(s.threads));
  for (const auto& extension : s.extensions) std::printf("      + %s\n", extension_text(extension).c_str());
}

ExitCode show_plan(Context& context, const PlanOptions& options) {
  const Plan plan = read_plan(options.file, context.registry(), overrides_from(context.flags), options.set);
  if (options.json) {
    print_json(plan);
    return ExitCode::done;
  }
  const Paint paint(stdout);
  std::printf("campaign %s: %zu runs\n", plan.campaign.c_str(), plan.runs.size());
  for (const Run& run : plan.runs) print_run(run, paint);
  if (plan.repeated)
    std::printf("%lld combinations repeat an earlier run and are left out\n", static_cast<long long>(plan.repeated));
  return ExitCode::done;
}

}  // namespace

void add_plan(CLI::App& app, Context& context) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App& verb = add_verb(app, context, "plan", "Shows the runs of an experiment file with their effective settings.",
                            [&context, options] { return show_plan(context, *options); }, pass_flags());
  verb.add_option("file", options->file, "experiment file (YAML)")->required()->type_name("FILE");
  add_set_flag(verb, options->set);
  verb.add_flag("--json", options->json, "as JSON");
}

}  // namespace backobs
