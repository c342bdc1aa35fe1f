// SPDX-License-Identifier: MIT
// Which quantity works on which layer, from the registered extensions and every layer rule, node and loss of core: one small
// network for each. What is refused is found without compute, and one pass shows that everything else has finite values.
// docs/quantities.md holds the table; BACKOBS_UPDATE_DOCS=1 writes it there.
#include "contract/test_network.h"
#include "network/rule_table.h"

#include <backobs/nodes.h>

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/modules/padding.h>
#include <torch/nn/modules/pooling.h>
#include <torch/nn/modules/upsampling.h>
#include <torch/version.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace backobs {
namespace {

/// A network around one layer. Nodes called `layer…` are what the row is about; parameters of nodes called `below…` need
/// derivatives that pass through it.
struct Probe {
  std::string name;         ///< of the row
  std::string derivatives;  ///< "written out", "autograd", or nothing where the row is about no layer
  TestNetwork tested;
};

constexpr int64_t kSamples = 3;

class Probes {
 public:
  Probes() {
    add_layers();
    add_nodes();
    add_structures();
    add_losses();
  }
  std::vector<Probe>& all() { return all_; }
  const std::set<std::string>& module_types() const { return module_types_; }
  const std::set<std::string>& node_names() const { return node_names_; }

 private:
  /// Ends a network with a dense layer and the squared error.
  void keep(const std::string& name, const std::string& derivatives, TestNetwork tested) {
    if (tested.net.sample_shapes().back().size() > 1) tested.net.add("flatten", nn::Flatten());
    tested.net.add("last", nn::Linear(tested.net.sample_shapes().back()[0], 2));
    tested.batch.targets = {normal({kSamples, 2}, 3)};
    tested.make_loss = [](LossReduction reduction) { return mean_squared_error(reduction); };
    keep_as_it_is(name, derivatives, std::move(tested));
  }
  void keep_as_it_is(const std::string& name, const std::string& derivatives, TestNetwork tested) {
    fill_parameters(tested);
    all_.push_back({name, derivatives, std::move(tested)});
  }
  static NodeId below(TestNetwork& tested, const std::string& name = "below") {
    const auto width = tested.net.sample_shapes()[0].back();
    return tested.net.add(name, nn::Linear(width, width), {0});
  }
  static std::string derivatives_of(const LayerRule& rule) { return rule.records_graph() ? "autograd" : "written out"; }

  template <typename Module>
  void layer(std::vector<int64_t> shape, const Module& module) {
    auto tested = network_on(std::move(shape), kSamples);
    below(tested);
    tested.net.add("layer", module);
    keep_layer<Module>(std::move(tested));
  }
  template <typename Module>
  void keep_layer(TestNetwork tested) {
    module_types_.insert(typeid(typename Module::ContainedType).name());
    const auto rule = tested.net.nodes().back().rule;
    keep(rule->type(), derivatives_of(*rule), std::move(tested));
  }
  /// A node with one input, or with two that come from layers of their own.
  void node(const std::string& name, std::vector<int64_t> shape, const nodes::Rule& rule, bool two_inputs = false) {
    node_names_.insert(name);
    auto tested = network_on(std::move(shape), kSamples);
    std::vector<NodeId> inputs = {below(tested)};
    if (two_inputs) inputs.push_back(below(tested, "below2"));
    tested.net.add("layer", rule, inputs);
    keep("node " + name, derivatives_of(*rule), std::move(tested));
  }

  void add_layers();
  void add_spatial_layers();
  void add_nodes();
  void add_structures();
  void add_losses();

  std::vector<Probe> all_;
  std::set<std::string> module_types_, node_names_;
};

void Probes::add_layers() {
  layer({4}, nn::Linear(4, 3));
  add_spatial_layers();
  layer({4}, nn::BatchNorm1d(4));
  layer({2, 2, 3}, nn::BatchNorm2d(2));
  layer({2, 2, 1, 2}, nn::BatchNorm3d(2));
  layer({4}, nn::LayerNorm(nn::LayerNormOptions({4})));
  layer({4, 2}, nn::GroupNorm(nn::GroupNormOptions(2, 4)));
  auto words = network_on({2}, kSamples);
  words.batch.inputs = {at::arange(2 * kSamples).remainder(5).reshape({kSamples, 2})};
  words.net.add("layer", nn::Embedding(5, 3));
  keep_layer<nn::Embedding>(std::move(words));
  layer({4}, nn::ReLU());
  layer({4}, nn::LeakyReLU());
  layer({4}, nn::ReLU6());
  layer({4}, nn::Hardtanh());
  layer({4}, nn::Sigmoid());
  layer({4}, nn::Tanh());
  layer({4}, nn::LogSigmoid());
  layer({4}, nn::ELU());
  layer({4}, nn::SELU());
  layer({4}, nn::GELU());
  layer({4}, nn::SiLU());
  layer({4}, nn::Softplus());
  layer({4}, nn::Softmax(1));
  layer({2, 3}, nn::Flatten());
  layer({4}, nn::Identity());
  layer({4}, nn::Dropout(0.3));
  layer({4, 2, 2}, nn::Dropout2d(0.3));
  layer({4, 2, 2, 2}, nn::Dropout3d(0.3));
  layer({4}, nn::Mish());
  layer({4}, nn::PReLU());
}

void Probes::add_spatial_layers() {
  layer({2, 4}, nn::Conv1d(2, 2, 3));
  layer({2, 3, 4}, nn::Conv2d(2, 2, 2));
  layer({1, 2, 3, 2}, nn::Conv3d(1, 2, 2));
  layer({2, 3}, nn::ConvTranspose1d(2, 2, 2));
  layer({2, 2, 2}, nn::ConvTranspose2d(2, 2, 2));
  layer({1, 2, 2, 2}, nn::ConvTranspose3d(1, 2, 2));
  layer({2, 4}, nn::MaxPool1d(2));
  layer({2, 4, 4}, nn::MaxPool2d(2));
  layer({1, 2, 2, 4}, nn::MaxPool3d(2));
  layer({2, 4}, nn::AdaptiveMaxPool1d(3));
  layer({2, 4, 4}, nn::AdaptiveMaxPool2d(3));
  layer({1, 2, 2, 4}, nn::AdaptiveMaxPool3d(2));
  layer({2, 4}, nn::AvgPool1d(2));
  layer({2, 4, 4}, nn::AvgPool2d(2));
  layer({1, 2, 2, 4}, nn::AvgPool3d(2));
  layer({2, 4}, nn::AdaptiveAvgPool1d(3));
  layer({2, 4, 4}, nn::AdaptiveAvgPool2d(3));
  layer({1, 2, 2, 4}, nn::AdaptiveAvgPool3d(2));
  layer({2, 2, 2}, nn::ZeroPad2d(1));
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1)
  layer({2, 3}, nn::ZeroPad1d(1));
  layer({1, 2, 2, 2}, nn::ZeroPad3d(1));
#endif
  layer({2, 3}, nn::ConstantPad1d(1, 0.5));
  layer({2, 2, 2}, nn::ConstantPad2d(1, 0.5));
  layer({1, 2, 2, 2}, nn::ConstantPad3d(1, 0.5));
  layer({2, 3}, nn::ReflectionPad1d(1));
  layer({2, 2, 2}, nn::ReflectionPad2d(1));
  layer({1, 2, 2, 2}, nn::ReflectionPad3d(1));
  layer({2, 3}, nn::ReplicationPad1d(1));
  layer({2, 2, 2}, nn::ReplicationPad2d(1));
  layer({1, 2, 2, 2}, nn::ReplicationPad3d(1));
  layer({1, 2, 3}, nn::Upsample(nn::UpsampleOptions().scale_factor(std::vector<double>{2, 2}).mode(torch::kBilinear).align_corners(false)));
}

void Probes::add_nodes() {
  node("sum", {4}, nodes::sum(), true);
  node("product", {4}, nodes::product(), true);
  node("concat", {4}, nodes::concat(), true);
  node("matmul", {3, 3}, nodes::matmul(), true);
  node("reparametrise", {4}, nodes::reparametrise(), true);
  node("scale", {4}, nodes::scale(2));
  node("exp", {4}, nodes::exp());
  node("reshape", {4}, nodes::reshape({2, 2}));
  node("permute", {2, 3}, nodes::permute({0, 2, 1}));
  node("slice", {4}, nodes::slice(1, 0, 2));
  node("pad", {4}, nodes::pad({1, 1}));
  node("mean", {2, 3}, nodes::mean({-1}));
}

void Probes::add_structures() {
  auto residual = network_on({4}, kSamples);
  below(residual);
  residual.net.add("layer_aside", nn::Linear(4, 4));
  residual.net.add("layer", nodes::sum(), {1, 2});
  keep("branches that part and merge", "", std::move(residual));

  auto shared = network_on({4}, kSamples);
  below(shared);
  const nn::Linear twice(4, 4);
  shared.net.add("layer", twice);
  shared.net.add("tanh", nn::Tanh());
  shared.net.add("layer_again", twice);
  keep("parameter with several uses", "", std::move(shared));

  auto aside = network_on({4}, kSamples);
  below(aside);
  aside.net.add("layer", nn::Linear(4, 2), {1});
  aside.net.add("tanh", nn::Tanh(), {1});
  keep("parameter that the loss does not depend on", "", std::move(aside));

  auto coupled = network_on({4}, kSamples);
  below(coupled);
  coupled.net.add("layer", nn::BatchNorm1d(nn::BatchNormOptions(4).track_running_stats(false)));
  keep("BatchNorm without running statistics", "", std::move(coupled));
}

void Probes::add_losses() {
  const auto dense = [](const Tensor& targets, std::function<std::shared_ptr<LossRule>(LossReduction)> loss) {
    auto tested = network_on({4}, kSamples);
    tested.net.add("below", nn::Linear(4, 3));
    tested.batch.targets = {targets};
    tested.make_loss = std::move(loss);
    return tested;
  };
  keep_as_it_is("cross entropy", "", dense(at::arange(kSamples), [](LossReduction reduction) { return cross_entropy(reduction); }));
  keep_as_it_is("squared error", "", dense(normal({kSamples, 3}, 3), [](LossReduction reduction) { return mean_squared_error(reduction); }));
  keep_as_it_is("binary cross entropy", "", dense(normal({kSamples, 3}, 3).sigmoid(), [](LossReduction reduction) {
                  return binary_cross_entropy({reduction, {}, {}});
                }));
  auto encoder = network_on({4}, kSamples);
  std::vector<NodeId> outputs;
  for (const auto* head : {"below_x", "below_mean", "below_deviation"}) outputs.push_back(encoder.net.add(head, nn::Linear(4, 2), {0}));
  encoder.net.set_outputs(outputs);
  encoder.batch.targets = {normal({kSamples, 2}, 3)};
  encoder.make_loss = [](LossReduction reduction) { return variational_autoencoder(reduction); };
  keep_as_it_is("variational autoencoder", "", std::move(encoder));
}

Probes& probes() {
  static Probes all;
  return all;
}

std::vector<std::string> quantities() {
  std::vector<std::string> names;
  for (const auto& plugin : registry().list("extension")) names.push_back(plugin.manifest.name);
  return names;
}

bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

/// "Conv" of "a Conv2d": the last word without its number of axes.
std::string without_axes(const std::string& name) {
  const std::string word = name.substr(name.rfind(' ') + 1);
  const auto size = word.size();
  const bool counts = size > 2 && word[size - 1] == 'd' && std::isdigit(static_cast<unsigned char>(word[size - 2]));
  return word.substr(0, counts ? size - 2 : size);
}

/// The table: one row per probe, one column per set of quantities that are equal in every row, reasons beneath.
class Table {
 public:
  Table() {
    for (auto& probe : probes().all())
      if (probe.name != "ZeroPad1d" && probe.name != "ZeroPad3d") rows_.push_back(row_of(probe));  // not in LibTorch 1.13
    for (const auto& quantity : quantities()) add_column(quantity);
    merge_rows();
  }

  std::string text() const {
    std::ostringstream out;
    out << "| layer, node, structure, loss | derivatives |";
    for (const auto& [cells, names] : columns_) out << ' ' << names << " |";
    out << "\n|---|---|";
    for (std::size_t i = 0; i < columns_.size(); ++i) out << "---|";
    out << '\n';
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      out << "| " << rows_[row].name << " | " << rows_[row].derivatives << " |";
      for (const auto& [cells, names] : columns_) out << ' ' << cells[row] << " |";
      out << '\n';
    }
    out << '\n';
    for (std::size_t i = 0; i < reasons_.size(); ++i) out << i + 1 << ". " << reasons_[i] << '\n';
    return out.str();
  }

 private:
  struct Row {
    std::string name, derivatives;
    std::map<std::string, std::string> cells;  ///< by quantity
  };

  Row row_of(Probe& probe) {
    Row row{probe.name, probe.derivatives, {}};
    const auto& net = probe.tested.net;
    for (const auto& quantity : quantities()) {
      std::map<std::string, std::set<std::size_t>> by_place;
      for (const auto& refusal : Pass(net, probe.tested.loss(), {}).refusals({make(quantity)}, kSamples)) {
        const bool own = starts_with(refusal.parameter, "layer"), below = starts_with(refusal.parameter, "below");
        if (own || below) by_place[own ? "own" : "below"].insert(number_of(refusal.reason));
      }
      row.cells[quantity] = cell(by_place);
    }
    return row;
  }
  /// "yes", or for whose parameters not and why: "not own (1)".
  static std::string cell(const std::map<std::string, std::set<std::size_t>>& by_place) {
    if (by_place.empty()) return "yes";
    std::string text;
    for (const auto* place : {"own", "below"}) {
      const auto found = by_place.find(place);
      if (found == by_place.end()) continue;
      text += text.empty() ? "not " : ", not ";
      text += place;
      for (const auto number : found->second) text += " (" + std::to_string(number) + ")";
    }
    return text;
  }
  std::size_t number_of(const std::string& reason) {
    auto found = std::find(reasons_.begin(), reasons_.end(), reason);
    if (found == reasons_.end()) found = reasons_.insert(found, reason);
    return static_cast<std::size_t>(found - reasons_.begin()) + 1;
  }
  void add_column(const std::string& quantity) {
    std::vector<std::string> cells;
    for (const auto& row : rows_) cells.push_back(row.cells.at(quantity));
    for (auto& [known, names] : columns_)
      if (known == cells) {
        names += ", `" + quantity + "`";
        return;
      }
    columns_.emplace_back(cells, "`" + quantity + "`");
  }
  /// Neighbours that differ in their number of axes alone share a row: Conv1d, Conv2d, Conv3d.
  void merge_rows() {
    for (std::size_t row = 1; row < rows_.size();) {
      auto &above = rows_[row - 1], &here = rows_[row];
      if (without_axes(above.name) != without_axes(here.name) || above.derivatives != here.derivatives || above.cells != here.cells) {
        ++row;
        continue;
      }
      above.name += ", " + here.name;
      rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(row));
      for (auto& [cells, names] : columns_) cells.erase(cells.begin() + static_cast<std::ptrdiff_t>(row));
    }
  }

  std::vector<Row> rows_;
  std::vector<std::pair<std::vector<std::string>, std::string>> columns_;  ///< cells, and the quantities they are of
  std::vector<std::string> reasons_;
};

TEST(QuantityTable, EveryLayerAndNodeHasARow) {
  for (const auto& type : rule_table().types()) EXPECT_TRUE(probes().module_types().count(type)) << "no probe of " << type;
  for (const auto& entry : std::filesystem::directory_iterator(BACKOBS_SOURCE_DIR "/core/nodes"))
    if (entry.path().extension() == ".cpp") {
      EXPECT_TRUE(probes().node_names().count(entry.path().stem())) << "no probe of " << entry.path().stem();
    }
}

/// One pass with everything: values for what is not refused, finite, and none for what is.
TEST(QuantityTable, WhatIsNotRefusedIsThere) {
  for (auto& probe : probes().all()) {
    SCOPED_TRACE(probe.name);
    std::set<std::string> refused;
    for (const auto& refusal : Pass(probe.tested.net, probe.tested.loss(), {}).refusals(make(quantities()), kSamples))
      refused.insert(refusal.quantity + "/" + refusal.parameter);
    const bool nothing = refused.size() == quantities().size() * probe.tested.net.parameters().size();
    const auto values = nothing ? Values() : run(probe.tested, quantities());
    for (const auto& quantity : quantities())
      for (const auto& parameter : probe.tested.net.parameters()) {
        const auto key = quantity + "/" + parameter.name;
        EXPECT_NE(values.count(key), refused.count(key)) << key;
        if (!values.count(key)) continue;
        for (const auto& value : values.at(key)) EXPECT_TRUE(value.isfinite().all().item<bool>()) << key;
      }
  }
}

TEST(QuantityTable, ThePageHoldsIt) {
  const std::string page = BACKOBS_SOURCE_DIR "/docs/quantities.md";
  const std::string begin = "<!-- The table is written by quantity_table_test. -->\n", end = "<!-- End of the table. -->\n";
  std::ifstream stream(page);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const auto first = text.find(begin), last = text.find(end);
  ASSERT_TRUE(first != std::string::npos && last != std::string::npos) << "docs/quantities.md has no place for the table";
  const auto table = Table().text();
  if (std::getenv("BACKOBS_UPDATE_DOCS")) {
    std::ofstream(page) << text.substr(0, first) + begin + table + text.substr(last);
    return;
  }
  const auto start = first + begin.size();
  EXPECT_EQ(text.substr(start, last - start), table) << "To update docs/quantities.md: BACKOBS_UPDATE_DOCS=1 build/bin/quantity_table_test";
}

}  // namespace
}  // namespace backobs
