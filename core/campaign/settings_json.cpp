// SPDX-License-Identifier: MIT
// Settings as JSON, and what follows from it: a run's id.
#include "campaign/settings.h"

#include "files/checksum.h"
#include "files/number_format.h"

namespace backobs {
namespace {

using Json = nlohmann::ordered_json;

Json options_json(const Options& options) {
  Json json = Json::object();
  for (const auto& [name, value] : options.values()) json[name] = value_json(value);
  return json;
}

Json extension_json(const ExtensionSettings& extension) {
  Json json = {{"name", extension.name}, {"plugin", extension.plugin}, {"options", options_json(extension.options)}};
  if (extension.budget > 0)
    json["budget"] = shortest_real(extension.budget) + "%";
  else
    json["every"] = extension.every;
  json["record"] = extension.record;
  json["save"] = extension.save_tensors ? "tensors" : "nothing";
  return json;
}

Json loop_json(const LoopSettings& loop) {
  return {{"epochs", loop.epochs},
          {"batch_size", loop.batch_size},
          {"l2_reg", loop.l2_reg},
          {"l2_reg_given", loop.l2_reg_given},
          {"lr_sched_epochs", loop.lr_sched_epochs},
          {"lr_sched_factors", loop.lr_sched_factors},
          {"log_interval", loop.log_interval},
          {"max_steps", loop.max_steps},
          {"max_time", loop.max_time},
          {"patience", loop.patience}};
}

}  // namespace

Json value_json(const Option::Value& value) {
  return std::visit([](const auto& held) { return Json(held); }, value);
}

Json settings_json(const RunSettings& settings) {
  Json json;
  json["problem"] = settings.problem.name;
  json["problem_options"] = options_json(settings.problem.options);
  json["runner"] = settings.runner.name;
  json["runner_options"] = options_json(settings.runner.options);
  json.update(loop_json(settings.loop));
  json["seed"] = settings.seed;
  json["source"] = settings.source == Source::synthetic ? "synthetic" : "real";
  json["protocol"] = settings.protocol == Protocol::strict ? "strict" : "deepobs";
  json["penalty"] = settings.penalty_in_quantities ? "include" : "exclude";
  json["init"] = settings.init.string();
  json["init_digest"] = settings.init_digest;
  json["dtype"] = settings.dtype;
  json["device"] = settings.device;
  json["threads"] = settings.threads;
  json["data_dir"] = settings.data_folder.string();
  json["extensions"] = Json::array();
  for (const auto& extension : settings.extensions) json["extensions"].push_back(extension_json(extension));
  return json;
}

std::string settings_id(const RunSettings& settings) {
  Json json = settings_json(settings);
  json.erase("data_dir");
  json.erase("init");
  const std::string text = json.dump();
  return checksum(Digest::sha256, text.data(), text.size()).substr(0, 12);
}

std::string short_text(const RunSettings& settings) {
  std::string text = settings.problem.name + " " + settings.runner.name;
  for (const auto& [name, value] : settings.runner.options.values()) text += " " + name + "=" + to_text(value);
  return text + " seed=" + std::to_string(settings.seed);
}

}  // namespace backobs
