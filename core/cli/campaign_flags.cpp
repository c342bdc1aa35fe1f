// SPDX-License-Identifier: MIT
#include "cli/campaign_flags.h"

#include <backobs/error.h>
#include <backobs/log.h>

#include <fstream>
#include <iterator>
#include <utility>

namespace backobs {
namespace {

struct Given {
  const char* setting;  ///< as the experiment file calls it
  const char* flag;
  std::string text;
};

std::vector<Given> given(const CommonFlags& flags) {
  std::vector<Given> all;
  if (flags.source) all.push_back({"source", "--source", *flags.source == Source::synthetic ? "synthetic" : "real"});
  if (!flags.data_dir.empty()) all.push_back({"data_dir", "--data-dir", flags.data_dir.string()});
  if (flags.batch_size) all.push_back({"batch_size", "--batch-size", std::to_string(*flags.batch_size)});
  if (flags.seed) all.push_back({"seeds", "--seed", std::to_string(*flags.seed)});
  if (flags.threads) all.push_back({"threads", "--threads", std::to_string(*flags.threads)});
  if (flags.device) all.push_back({"device", "--device", flags.device->str()});
  if (flags.dtype) all.push_back({"dtype", "--dtype", *flags.dtype == c10::kDouble ? "float64" : "float32"});
  return all;
}

}  // namespace

Overrides overrides_from(const CommonFlags& flags) {
  Overrides overrides;
  for (auto& [setting, flag, text] : given(flags)) overrides[setting] = RawValue{{text}, false, false, flag};
  return overrides;
}

std::vector<std::string> flags_again(const CommonFlags& flags) {
  std::vector<std::string> all;
  for (const auto& folder : flags.plugin_path) all.insert(all.end(), {"--plugin-path", folder.string()});
  for (auto& [setting, flag, text] : given(flags)) all.insert(all.end(), {flag, text});
  return all;
}

CLI::Option* add_run_flag(CLI::App& verb, const std::string& name, std::string& run, const std::string& doc) {
  return verb.add_option_function<std::string>(name, [&run, name](const std::string& text) {
    if (text.empty()) throw UsageError(name, "an empty text", "a run's index or id");
    run = text;
  }, doc)->type_name("INDEX|ID");
}

void warn_of_idle_exclusions(const Plan& plan) {
  for (const auto& where : plan.idle_exclusions) log::warn(where + ": this item of `exclude` leaves out no combination");
}

std::vector<const Run*> chosen_runs(const Plan& plan, const std::string& only) {
  if (!only.empty()) return {&plan.find(only)};
  std::vector<const Run*> runs;
  for (const Run& run : plan.runs) runs.push_back(&run);
  return runs;
}

std::filesystem::path campaign_folder(const CommonFlags& flags, const Plan& plan) {
  return (flags.output.empty() ? std::filesystem::path("results") : flags.output) / plan.campaign;
}

std::string text_of(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) return {};  // told by read_plan, as every file that is none
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void add_set_flag(CLI::App& verb, std::vector<std::string>& assignments) {
  verb.add_option("--set", assignments,
                  "a value instead of the file's, in every experiment (runner.lr=0.1) or in one "
                  "(experiments.0.runner.lr=0.1; extensions.1.every=5 is of the second in a list); may be repeated")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
}

}  // namespace backobs
