// SPDX-License-Identifier: MIT
#include "walk/legality.h"

#include <algorithm>
#include <sstream>

namespace backobs {

using What = Need::What;

namespace {

/// Held at once, a single value larger than this is refused rather than tried.
constexpr double kLargestBytes = 12.0 * (int64_t{1} << 30);

std::string gigabytes(double bytes) {
  std::ostringstream text;
  text.precision(3);
  text << bytes / 1e9 << " GB";
  return text.str();
}

std::optional<std::string> too_large(const std::string& what, double bytes) {
  if (bytes <= kLargestBytes) return std::nullopt;
  return what + " would take " + gigabytes(bytes) + ", more than " + gigabytes(kLargestBytes);
}

double entries(const ParameterInfo& parameter) {
  double product = 1;
  for (const auto size : parameter.shape) product *= static_cast<double>(size);
  return product;
}

/// Rows of `columns`, by sample: one gradient, or the columns of a square root.
double rows(const SignalKey& signal, int64_t loss_columns) {
  if (signal.kind == SignalKey::Kind::gradient) return 1;
  return static_cast<double>(signal.kind == SignalKey::Kind::sqrt_ggn_mc ? signal.samples : loss_columns);
}

/// Rows of the parameter's size that are held at once of what has one for each of `columns` and each sample.
double rows_held(const NeedContext& c, double columns) {
  if (c.blocks == Blocks::columns) return 1;
  return c.blocks == Blocks::samples ? columns : columns * static_cast<double>(c.batch_size);
}

/// Columns of curvature: the square roots and the residuals.
std::optional<std::string> product_refusal(const Need& need, const NeedContext& c) {
  const auto kind = need.signal.kind;
  if (kind == SignalKey::Kind::gradient || kind == SignalKey::Kind::averaged_curvature)
    return need.to_string() + " does not exist: the signal is no square root of curvature";
  if (need.signs != Signs::kept && c.parameter.shared)
    return "the positive part of the curvature of a parameter with several uses is not defined";
  return std::nullopt;
}

/// The nodes that read this one and that the loss depends on; one that reads it twice is there twice.
std::vector<NodeId> readers_of(const Network& network, const std::vector<bool>& reached, NodeId node) {
  std::vector<NodeId> readers;
  for (NodeId reader = node + 1; reader <= network.last(); ++reader)
    for (const auto input : network.nodes()[reader].inputs)
      if (input == node && reached[reader]) readers.push_back(reader);
  return readers;
}

std::optional<std::string> kronecker_refusal(const NeedContext& c) {
  if (c.parameter.shared) return "Kronecker factors of a parameter with several uses are not defined";
  if (c.parameter.form == ParamForm::general)
    return "Kronecker factors are not defined for parameters of " + c.parameter.layer;
  return std::nullopt;
}

}  // namespace

std::vector<bool> reached_by_the_loss(const Network& network) {
  std::vector<bool> reached(network.nodes().size());
  for (const auto output : network.outputs()) reached[output] = true;
  for (NodeId node = network.last(); node >= 0; --node)
    if (reached[node])
      for (const auto input : network.nodes()[node].inputs) reached[input] = true;
  return reached;
}

std::vector<std::string> averaged_curvature_refusals(const Network& network) {
  const auto& nodes = network.nodes();
  const auto reached = reached_by_the_loss(network);
  std::vector<std::string> reasons(nodes.size());
  for (NodeId node = network.last(); node >= 0; --node) {
    if (!reached[node]) continue;
    const auto readers = readers_of(network, reached, node);
    const auto& outputs = network.outputs();
    if (static_cast<std::ptrdiff_t>(readers.size()) + std::count(outputs.begin(), outputs.end(), node) > 1) {
      reasons[node] = "branches part at `" + nodes[node].name + "`";
    } else if (!readers.empty()) {
      const auto& reader = nodes[readers.front()];
      reasons[node] = reader.inputs.size() > 1 ? "branches merge at `" + reader.name + "`" : reasons[readers.front()];
    }
  }
  return reasons;
}

std::optional<std::string> refusal(const Need& need, const NeedContext& c) {
  using Kind = SignalKey::Kind;
  const double bytes = static_cast<double>(c.element_bytes);
  if (need.what == What::input_factor) return kronecker_refusal(c);
  if (need.what == What::product || need.what == What::block) return product_refusal(need, c);
  if (need.signal.kind == Kind::averaged_curvature) {
    if (need.what != What::output_factor) return need.to_string() + " does not exist: the signal is one matrix";
    if (auto reason = kronecker_refusal(c)) return reason;
    if (!c.averaged_refusal.empty()) return "the averaged curvature cannot pass where " + c.averaged_refusal;
    const double width = static_cast<double>(c.widest_features);
    return too_large("the averaged curvature before and after a layer", 2 * width * width * bytes);
  }
  if (need.what == What::output_factor) return kronecker_refusal(c);
  if (need.what == What::variance && need.signal.kind != Kind::gradient)
    return need.to_string() + " does not exist: a variance is of individual gradients";
  if (need.what == What::columns || need.what == What::squared_norms) {
    if (need.signal.kind == Kind::hessian_residuals)
      return need.to_string() + " does not exist: the number of residual columns depends on the network";
    if (need.what == What::squared_norms) return std::nullopt;
    return too_large("the columns", rows_held(c, rows(need.signal, c.loss_columns)) * entries(c.parameter) * bytes);
  }
  if (need.what == What::sample_squares) return too_large("the values per sample", rows_held(c, 1) * entries(c.parameter) * bytes);
  return std::nullopt;
}

std::optional<std::string> refusal_in_tiles(const Need& need, const std::vector<ParameterInfo>& parameters,
                                            int64_t loss_columns, int64_t batch_size, int64_t element_bytes) {
  double each = 0;
  if (need.what == What::columns && need.signal.kind != SignalKey::Kind::hessian_residuals)
    each = rows(need.signal, loss_columns);
  if (need.what == What::sample_squares) each = 1;
  double all = 0;
  for (const auto& parameter : parameters) all += entries(parameter);
  return too_large("the values of all parameters, which a pass in several tiles holds together,",
                   each * static_cast<double>(batch_size) * all * static_cast<double>(element_bytes));
}

}  // namespace backobs
