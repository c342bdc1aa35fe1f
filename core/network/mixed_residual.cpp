// SPDX-License-Identifier: MIT
#include "network/mixed_residual.h"

#include "network/recording.h"
#include "signals/columns.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

namespace backobs {
namespace {

int64_t features(const Tensor& input) { return input.numel() / input.size(0); }

/// Unit inputs: [D, n, *in] with row i the i-th unit vector of every sample.
Tensor unit_inputs(const Tensor& input) { return written_out(at::ones_like(input), 0, features(input)); }

/// M as [D, n, *p] for W of an affine map: its column under the input e_i.
Tensor of_affine_weight(const LayerRule& rule, LayerIO io, const std::string& parameter, const Tensor& grad) {
  TensorList rows;
  for (const auto& unit : unit_inputs(io.inputs.front()).unbind(0)) {
    io.inputs = {unit};
    rows.push_back(rule.param_jac_t(io, parameter, grad.unsqueeze(0)).squeeze(0));
  }
  return at::stack(rows);
}

/// The forward of a rule that records nothing, repeated on the tile's samples. Such a rule draws nothing where it has
/// parameters, and meets curvature only with running statistics, so it needs no more of the context than the default says.
Recording repeated(const LayerRule& rule, const LayerIO& io) {
  Recording recording;
  TensorList saved;
  for (const auto& input : io.inputs) recording.inputs.push_back(input.detach().requires_grad_(input.is_floating_point()));
  recording.parameters = rule.parameters();
  recording.output = rule.forward(recording.inputs, {}, saved);
  return recording;
}

/// The same by double backward through what the layer's forward recorded, its masks and noise included, over the entries of
/// all differentiable inputs in turn; undefined if zero.
Tensor by_autograd(const LayerRule& rule, const LayerIO& io, const std::string& parameter, const Tensor& grad) {
  const at::AutoGradMode differentiable(true);
  const auto own = io.recording ? Recording() : repeated(rule, io);
  const auto& recording = io.recording ? *io.recording : own;
  const int64_t first = io.recording ? io.first : 0;
  const auto& leaf = recording.parameter(parameter);
  const auto leaves = recording.differentiable_inputs();
  if (leaves.empty()) return {};
  const auto gradients = recording.backward(recording.whole_batch(grad, first), leaves, true);
  TensorList rows;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    for (int64_t entry = 0; entry < features(leaves[i]); ++entry) {
      TensorList samples;
      for (int64_t n = 0; n < io.samples(); ++n) {
        Tensor row;
        if (gradients[i].defined() && gradients[i].requires_grad())
          row = torch::autograd::grad({gradients[i][first + n].flatten()[entry]}, {leaf}, {}, true, false, true).front();
        samples.push_back(row.defined() ? row.detach() : at::zeros_like(leaf.detach()));
      }
      rows.push_back(at::stack(samples));
    }
  }
  return at::stack(rows);
}

}  // namespace

MixedResidual mixed_residual(const LayerRule& rule, const LayerIO& io, const std::string& parameter, const Tensor& grad) {
  if (rule.form(parameter) == ParamForm::bias) return {};
  const auto mixed = rule.form(parameter) == ParamForm::weight ? of_affine_weight(rule, io, parameter, grad)
                                                               : by_autograd(rule, io, parameter, grad);
  if (!mixed.defined() || !mixed.ne(0).any().item<bool>()) return {};
  const auto lengths = mixed.flatten(2).norm(2, {2});                                // [D, n]
  const auto balance = at::where(lengths > 0, lengths, at::ones_like(lengths)).sqrt();
  const auto spread = [&](const Tensor& scale, const Tensor& like) {
    auto shape = scale.sizes().vec();
    shape.resize(static_cast<std::size_t>(like.dim()), 1);
    return scale.reshape(shape);
  };
  MixedResidual result;
  int64_t first = 0;
  for (const auto& input : io.inputs) {
    if (!input.is_floating_point()) {
      result.inputs.emplace_back();
      continue;
    }
    auto units = at::zeros([&] { auto s = input.sizes().vec(); s.insert(s.begin(), mixed.size(0)); return s; }(), input.options());
    units.narrow(0, first, features(input)).copy_(unit_inputs(input));
    first += features(input);
    const auto half = units * spread(balance * std::sqrt(0.5), units);
    result.inputs.push_back(at::cat({half, half}));
  }
  const auto half = mixed / spread(balance * std::sqrt(2.0), mixed);
  result.parameter = at::cat({half, -half});
  result.signs = at::cat({at::ones_like(lengths), -at::ones_like(lengths)});
  return result;
}

}  // namespace backobs
