// SPDX-License-Identifier: MIT
#include "cli/pass_setup.h"
#include "cli/verbs.h"
#include "data/pt_file.h"
#include "files/number_format.h"
#include "walk/pass.h"

#include <backobs/log.h>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <sstream>

namespace backobs {
namespace {

struct ExtendOptions {
  PassWish wish;
  std::filesystem::path dump;
  bool unreduced = false, json = false;
};

/// One forward and backward of one mini-batch with everything that was asked for: shapes, and values if they are dumped.
struct Extended {
  std::unique_ptr<PassSetup> setup;
  PassOutcome outcome;
  std::map<std::pair<std::string, std::string>, ResultValue> results;  ///< by (quantity, parameter)
  std::vector<std::string> quantities;
};

/// The same shapes with a single number behind them: without a dump nobody reads the values, and together they may not fit.
ResultValue shapes_of(ResultValue value) {
  for (auto& tensor : value.tensors) tensor = at::zeros({}, tensor.options()).expand(tensor.sizes());
  return value;
}

Extended extend(Context& context, const ExtendOptions& options) {
  Extended result{set_up_pass(context, options.wish), {}, {}, {"grad"}};
  const auto& setup = *result.setup;
  for (const auto& instance : setup.extensions) result.quantities.push_back(instance.name);
  result.outcome = setup.pass->run(setup.batch, {setup.batch.size, 0, 0, setup.random}, true, setup.extensions,
                                   [&](const std::string& quantity, const std::string& parameter, ResultValue value) {
                                     if (options.dump.empty()) value = shapes_of(std::move(value));
                                     result.results[{quantity, parameter}] = std::move(value);
                                   });
  if (result.outcome.evaluation_statistics) result.quantities.insert(result.quantities.begin() + 1, "grad_eval");
  for (const auto& parameter : setup.network.parameters())
    if (parameter.trainable()) result.results[{"grad", parameter.name}] = {{parameter.value.grad()}, false};
  return result;
}

std::string shape_text(const Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

std::string shapes_text(const TensorList& tensors) {
  std::string text;
  for (const auto& tensor : tensors) text += (text.empty() ? "" : " ") + shape_text(tensor);
  return text;
}

void print_losses(const Extended& extended) {
  const auto& individual = extended.outcome.individual_loss;
  std::printf("individual losses    %s\n", shape_text(individual).c_str());
  print("mini-batch loss      " + formatted("%.9g", extended.outcome.evaluation.loss) + "\n");
  print("mean of individual   " + formatted("%.9g", individual.to(at::kDouble).mean().item<double>()) + "\n\n");
}

void print_text(const Extended& extended, bool unreduced) {
  if (unreduced) print_losses(extended);
  else print("mini-batch loss " + formatted("%g", extended.outcome.evaluation.loss) + ", accuracy " +
             formatted("%f", extended.outcome.evaluation.accuracy) + "\n\n");
  if (extended.outcome.evaluation_statistics)
    std::printf("Quantities are of normalisation with running statistics; their gradient is grad_eval.\n\n");
  for (const auto& parameter : extended.setup->network.parameters()) {
    if (!parameter.trainable()) continue;
    std::printf("%s  %s\n", parameter.name.c_str(), shape_text(parameter.value).c_str());
    std::vector<std::vector<std::string>> rows;
    for (const auto& quantity : extended.quantities)
      if (const auto found = extended.results.find({quantity, parameter.name}); found != extended.results.end())
        rows.push_back({quantity, shapes_text(found->second.tensors)});
    print(table(rows, "  "));
  }
}

void print_json(const Extended& extended, bool unreduced) {
  nlohmann::ordered_json json = {{"loss", extended.outcome.evaluation.loss},
                                 {"accuracy", extended.outcome.evaluation.accuracy},
                                 {"batch_size", extended.setup->batch.size},
                                 {"normalisation_of_quantities",
                                  extended.outcome.evaluation_statistics ? "evaluation" : "training"}};
  if (unreduced) {
    const auto values = extended.outcome.individual_loss.to(at::kCPU, at::kDouble).contiguous();
    json["individual_loss"] = std::vector<double>(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
    json["mean_individual_loss"] = values.mean().item<double>();
  }
  auto& parameters = json["parameters"] = nlohmann::ordered_json::object();
  for (const auto& parameter : extended.setup->network.parameters()) {
    if (!parameter.trainable()) continue;
    auto& shapes = parameters[parameter.name] = nlohmann::ordered_json::object();
    for (const auto& quantity : extended.quantities) {
      const auto found = extended.results.find({quantity, parameter.name});
      if (found == extended.results.end()) continue;
      for (const auto& value : found->second.tensors) shapes[quantity].push_back(value.sizes().vec());
    }
  }
  std::printf("%s\n", json.dump(2).c_str());
}

/// parameter/NAME, grad/NAME, QUANTITY/PARAMETER with /0, /1 behind factors, and the batch with its losses; grad_eval/NAME
/// where quantities are of normalisation with running statistics.
void dump(const Extended& extended, const std::filesystem::path& file) {
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (const auto& parameter : extended.setup->network.parameters())
    tensors.emplace_back("parameter/" + parameter.name, parameter.value);
  for (const auto& [key, value] : extended.results) {
    const auto name = key.first + (key.second.empty() ? "" : "/" + key.second);
    for (std::size_t i = 0; i < value.tensors.size(); ++i)
      tensors.emplace_back(value.is_list ? name + "/" + std::to_string(i) : name, value.tensors[i]);
  }
  tensors.emplace_back("input", extended.setup->batch.inputs[0]);
  tensors.emplace_back("target", extended.setup->batch.targets[0]);
  tensors.emplace_back("output", extended.outcome.output);
  tensors.emplace_back("loss", at::scalar_tensor(extended.outcome.evaluation.loss, at::kDouble));
  tensors.emplace_back("individual_loss", extended.outcome.individual_loss);
  write_pt(file, tensors);
  log::info("wrote " + file.string());
}

}  // namespace

void add_extend(CLI::App& app, Context& context) {
  auto options = std::make_shared<ExtendOptions>();
  CLI::App& verb = add_verb(app, context, "extend", "One forward and backward pass with every quantity; prints their shapes.",
                            [&context, options] {
                              const auto extended = extend(context, *options);
                              if (options->json) print_json(extended, options->unreduced);
                              else print_text(extended, options->unreduced);
                              if (!options->dump.empty()) dump(extended, options->dump);
                              return ExitCode::done;
                            }, pass_flags());
  add_pass_flags(verb, options->wish);
  verb.add_flag("--unreduced", options->unreduced, "also the individual losses, the loss and their mean");
  verb.add_option("--dump", options->dump, "write parameters, batch and all values to a file for torch.load")->type_name("FILE.pt");
  verb.add_flag("--json", options->json, "shapes as JSON");
}

}  // namespace backobs
