// SPDX-License-Identifier: MIT
#include "cli/describe.h"

#include "cli/print.h"
#include "files/number_format.h"

#include <backobs/error.h>

#include <algorithm>
#include <map>
#include <memory>

namespace backobs {
namespace {

using nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

std::vector<ProblemDescription::Layer> layers_of(const Network& network) {
  const auto shapes = network.sample_shapes();
  std::vector<ProblemDescription::Layer> layers;
  for (std::size_t i = 0; i < network.nodes().size(); ++i) {
    const Node& node = network.nodes()[i];
    std::vector<std::string> inputs;
    for (const NodeId input : node.inputs) inputs.push_back(network.nodes()[static_cast<std::size_t>(input)].name);
    layers.push_back({node.name, node.rule ? node.rule->type() : "Input", std::move(inputs), shapes.at(i)});
  }
  return layers;
}

/// What is refused as a whole; where its blocks would fit, the reason says so.
std::vector<Refusal> refusals_of(const Pass& pass, const std::string& name, std::shared_ptr<Extension> extension, int64_t batch_size) {
  auto refused = pass.refusals({{name, extension}}, batch_size);
  if (refused.empty()) return refused;
  const auto left = pass.refusals({{name, extension, blocks_of(*extension)}}, batch_size);
  for (auto& refusal : refused)
    if (std::none_of(left.begin(), left.end(), [&](const Refusal& one) { return one.parameter == refusal.parameter; }))
      refusal.reason += "; recorded means, norms and extremes are formed in blocks, which fit";
  return refused;
}

/// What every registered extension could give here, found without any compute.
std::vector<ProblemDescription::Quantity> quantities_of(const Registry& registry, const Network& network,
                                                        const Problem& problem) {
  const Pass pass(network, problem.loss(), {});
  std::vector<ProblemDescription::Quantity> quantities;
  for (const auto& plugin : registry.list("extension")) {
    const auto& name = plugin.manifest.name;
    try {
      const auto options = registry.schema("extension", name).check({}, "extension `" + name + "`", "");
      const std::shared_ptr<Extension> extension = registry.make_extension(name, options);
      quantities.push_back({name, refusals_of(pass, name, extension, problem.facts().batch_size)});
    } catch (const Error& error) {
      quantities.push_back({name, {{name, "", error.what()}}});
    }
  }
  return quantities;
}

ordered_json quantity_json(const ProblemDescription::Quantity& quantity) {
  ordered_json refused = ordered_json::array();
  for (const auto& refusal : quantity.refused)
    refused.push_back({{"parameter", refusal.parameter}, {"reason", refusal.reason}});
  return {{"name", quantity.name}, {"refused", refused}};
}

/// One row per quantity and reason.
Rows quantity_rows(const ProblemDescription& problem) {
  Rows rows;
  for (const auto& quantity : problem.quantities) {
    std::map<std::string, std::string> parameters;  // by reason
    for (const auto& refusal : quantity.refused) {
      auto& names = parameters[refusal.reason];
      names += (names.empty() ? "" : ", ") + refusal.parameter;
    }
    if (parameters.empty()) rows.push_back({quantity.name, "every parameter", ""});
    for (const auto& [reason, names] : parameters)
      rows.push_back({quantity.name, names.empty() ? "not at all" : "not " + names, reason});
  }
  return rows;
}

const char* name_of(LossReduction reduction) { return reduction == LossReduction::mean ? "mean" : "sum"; }

ordered_json layer_json(const ProblemDescription::Layer& layer) {
  return {{"name", layer.name}, {"type", layer.type}, {"inputs", layer.inputs}, {"output_shape", layer.output_shape}};
}
ordered_json parameter_json(const ProblemDescription::ParameterFacts& p) {
  return {{"name", p.name},
          {"shape", p.shape},
          {"count", p.count},
          {"trainable", p.trainable},
          {"regularised", p.regularised}};
}

Rows fact_rows(const ProblemDescription& problem) {
  const ProblemFacts& facts = problem.facts;
  Rows rows = {{"source", facts.source},
               {"data set", facts.data_set.empty() ? "drawn, no files" : facts.data_set},
               {"loss", problem.loss + ", " + name_of(problem.reduction)},
               {"batch size", std::to_string(facts.batch_size)},
               {"epochs", std::to_string(facts.epochs)},
               {"l2_reg", shortest_real(facts.l2_reg)}};
  if (facts.initial_loss != 0) rows.push_back({"initial loss", shortest_real(facts.initial_loss)});
  if (!facts.note.empty()) rows.push_back({"note", facts.note});
  return rows;
}

Rows layer_rows(const ProblemDescription& problem) {
  Rows rows;
  for (const auto& layer : problem.layers) {
    std::string inputs;
    for (const auto& input : layer.inputs) inputs += (inputs.empty() ? "" : ", ") + input;
    rows.push_back({layer.name, layer.type, shape_text(layer.output_shape), inputs.empty() ? "" : "from " + inputs});
  }
  return rows;
}

Rows parameter_rows(const ProblemDescription& problem) {
  Rows rows;
  for (const auto& p : problem.parameters)
    rows.push_back({p.name, shape_text(p.shape), std::to_string(p.count), p.trainable ? "trainable" : "fixed",
                    p.regularised ? "regularised" : ""});
  return rows;
}

}  // namespace

ProblemDescription describe_problem(const Registry& registry, const std::string& name, const Schema& schema) {
  const auto problem = registry.make_problem(name, schema.check({}, "problem `" + name + "`", ""));
  const Network network = problem->network(Random(42));
  const auto loss = problem->loss();
  ProblemDescription d;
  d.facts = problem->facts();
  d.loss = loss->type();
  d.reduction = loss->reduction();
  d.layers = layers_of(network);
  for (const Parameter& p : network.parameters()) {
    d.parameters.push_back(
        {p.name, p.value.sizes().vec(), p.value.numel(), p.trainable(), problem->is_regularised(p.name)});
    d.parameter_count += p.value.numel();
    if (p.trainable()) d.trainable_parameter_count += p.value.numel();
  }
  d.quantities = quantities_of(registry, network, *problem);
  return d;
}

ordered_json to_json(const ProblemDescription& d) {
  ordered_json layers = ordered_json::array(), parameters = ordered_json::array(), quantities = ordered_json::array();
  for (const auto& layer : d.layers) layers.push_back(layer_json(layer));
  for (const auto& parameter : d.parameters) parameters.push_back(parameter_json(parameter));
  for (const auto& quantity : d.quantities) quantities.push_back(quantity_json(quantity));
  return {{"source", d.facts.source},
          {"data_set", d.facts.data_set},
          {"defaults", {{"batch_size", d.facts.batch_size}, {"epochs", d.facts.epochs}, {"l2_reg", d.facts.l2_reg}}},
          {"loss", {{"type", d.loss}, {"reduction", name_of(d.reduction)}}},
          {"initial_loss", d.facts.initial_loss == 0 ? ordered_json(nullptr) : ordered_json(d.facts.initial_loss)},
          {"note", d.facts.note},
          {"layers", layers},
          {"parameters", parameters},
          {"quantities", quantities},
          {"parameter_count", d.parameter_count},
          {"trainable_parameter_count", d.trainable_parameter_count}};
}

std::string to_text(const ProblemDescription& d, const Paint& paint) {
  std::string text = table(fact_rows(d), "  ");
  text += "\n" + paint.bold("layers") + " (shapes of one sample)\n" + table(layer_rows(d), "  ");
  text += "\n" + paint.bold("parameters") + "\n" + table(parameter_rows(d), "  ");
  text += "  " + std::to_string(d.parameter_count) + " in all, " + std::to_string(d.trainable_parameter_count) +
          " trainable\n";
  return text + "\n" + paint.bold("quantities") + " (default options and batch size)\n" + table(quantity_rows(d), "  ");
}

}  // namespace backobs
