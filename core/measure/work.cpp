// SPDX-License-Identifier: MIT
#include "measure/work.h"

#include "walk/plan.h"

#include <algorithm>
#include <numeric>

namespace backobs {
namespace {

double count_of(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), 1.0, [](double product, int64_t length) { return product * static_cast<double>(length); });
}

/// The layer y[n,t,c] = sum_k W[c,k] x[n,t,k]: N samples, T positions, C outputs, K inputs.
struct AffineSizes {
  double n, t, c, k, features_in, features_out;
  double product() const { return 2 * n * t * c * k; }
};

/// Columns of a signal; residuals are left out, they depend on the values.
double columns_of(const SignalKey& signal, double outputs) {
  switch (signal.kind) {
    case SignalKey::Kind::gradient: return 1;
    case SignalKey::Kind::sqrt_ggn_exact: return outputs;
    case SignalKey::Kind::sqrt_ggn_mc: return static_cast<double>(signal.samples);
    default: return 0;
  }
}

/// One derived quantity of a weight, by the cheaper of the ways that do not depend on values.
double operations_of(const Need& need, const AffineSizes& s, double v) {
  const bool one_position = s.t == 1;
  switch (need.what) {
    case Need::What::columns:
    case Need::What::sample_squares: return v * s.product();
    case Need::What::sum_squares:
    case Need::What::variance: return one_position ? s.product() + 2 * v * s.n * s.c : v * s.product();
    case Need::What::squared_norms:  // Gram matrices of the positions, or the columns themselves
      return v * (one_position ? 2 * s.n * (s.c + s.k) : std::min(s.product(), s.n * s.t * s.t * (s.c + s.k)));
    case Need::What::input_factor: return s.n * s.t * s.k * (s.k + 1);
    case Need::What::output_factor: return v * s.n * s.c * (s.c + 1);
    case Need::What::product: return 2 * v * s.product();
    case Need::What::sum: return v * s.product();
    case Need::What::block: return 0;
  }
  return 0;
}

/// A weight of a transposed convolution is [in, out, ...] and meets every position of its input once.
AffineSizes sizes_of(const ParameterInfo& info, double batch_size, double features_in, double features_out) {
  const double c = static_cast<double>(info.shape[0]);
  const bool transposed = info.layer.rfind("ConvTranspose", 0) == 0;
  return {batch_size, (transposed ? features_in : features_out) / c, c, count_of(info.shape) / c, features_in, features_out};
}

/// Forward, the signals that move on to the layer's input, and the derived quantities, of which `sum` is the gradient's.
double operations_at(const WalkPlan& plan, std::size_t parameter, const AffineSizes& s, double outputs, bool moves_on) {
  double total = 2 * s.product();
  if (moves_on) {
    total += s.product();
    for (const auto& signal : plan.signals) {
      total += columns_of(signal, outputs) * s.product();
      if (signal.kind == SignalKey::Kind::averaged_curvature)
        total += s.product() / s.n * (s.features_in + s.features_out);
    }
  }
  for (const auto& need : plan.needs_of_parameter[parameter])
    if (!(need.what == Need::What::sum && need.signal == SignalKey::gradient()))
      total += operations_of(need, s, columns_of(need.signal, outputs));
  return total;
}

}  // namespace

Work count_work(const Network& network, const std::vector<ParameterInfo>& parameters,
                const std::vector<ExtensionInstance>& extensions, int64_t batch_size, int64_t element_size) {
  const auto shapes = network.sample_shapes();
  const WalkPlan plan =
      make_plan(network, parameters, extensions, shapes, batch_size, {});
  const double n = static_cast<double>(batch_size), element = static_cast<double>(element_size);
  double outputs = 0;
  for (const NodeId id : network.outputs()) outputs += count_of(shapes[static_cast<std::size_t>(id)]);

  Work work;
  for (std::size_t id = 0; id < shapes.size(); ++id) {
    const Node& node = network.nodes()[id];
    if (node.rule) work.bytes += n * count_of(shapes[id]) * element;
    for (const auto& at : plan.parameters_at[id]) {
      const ParameterInfo& info = parameters[at.parameter];
      if (at.last) work.bytes += count_of(info.shape) * element;
      if (info.form != ParamForm::weight) continue;
      const auto input = static_cast<std::size_t>(node.inputs.at(0));
      const AffineSizes sizes = sizes_of(info, n, count_of(shapes[input]), count_of(shapes[id]));
      work.operations += operations_at(plan, at.parameter, sizes, outputs, plan.wanted[input]);
    }
  }
  return work;
}

}  // namespace backobs
