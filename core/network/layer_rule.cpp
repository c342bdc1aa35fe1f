// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/layer.h>

#include "kernels/affine.h"
#include "network/recording.h"
#include "network/signed_factors.h"
#include "signals/columns.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/module.h>

/// The defaults: derivatives read from the autograd recording, one backward per column. Right for every module whose
/// samples pass independently, and slow.
namespace backobs {
namespace {

const Recording& recording_of(const LayerRule& rule, const LayerIO& io) {
  if (io.recording) return *io.recording;
  throw ComputeError("layer rule `" + rule.type() + "`", "a default derivative without a recording",
                     "records_graph() true, or an override of every derivative");
}

/// Rows [first, first + count) of a gradient in the whole batch; zeros if the leaf does not matter.
Tensor rows(const Tensor& gradient, const Tensor& leaf, int64_t first, int64_t count) {
  if (gradient.defined()) return gradient.detach().narrow(0, first, count);
  return at::zeros_like(leaf.detach().narrow(0, first, count));
}

/// Per-sample Hessians [n, H, H] of <output, grad> in all differentiable inputs, flattened and joined; undefined if zero.
Tensor input_hessian(const Recording& recording, const LayerIO& io, const Tensor& grad) {
  const at::AutoGradMode differentiable(true);
  const auto leaves = recording.differentiable_inputs();
  if (leaves.empty()) return {};
  TensorList flat;
  for (const auto& gradient : recording.backward(recording.whole_batch(grad, io.first), leaves, true)) {
    const auto& leaf = leaves[flat.size()];
    flat.push_back(gradient.defined() ? gradient.flatten(1) : at::zeros_like(leaf.detach()).flatten(1));
  }
  const auto joined = at::cat(flat, 1);
  if (!joined.requires_grad()) return {};
  TensorList hessian_rows;
  for (int64_t feature = 0; feature < joined.size(1); ++feature) {
    const auto gradients = torch::autograd::grad({joined.select(1, feature).sum()}, leaves, {}, true, false, true);
    TensorList row;
    for (std::size_t i = 0; i < leaves.size(); ++i)
      row.push_back(rows(gradients[i], leaves[i], io.first, io.samples()).flatten(1));
    hessian_rows.push_back(at::cat(row, 1));
  }
  const auto hessian = at::stack(hessian_rows, 1);
  return hessian.ne(0).any().item<bool>() ? hessian : Tensor();
}

/// Per-sample Hessians [n, P, P] of <output, grad> in one parameter; undefined if the output is linear in it.
Tensor parameter_hessian(const Recording& recording, const LayerIO& io, const std::string& name, const Tensor& grad) {
  const at::AutoGradMode differentiable(true);
  const auto& leaf = recording.parameter(name);
  TensorList samples;
  for (int64_t n = 0; n < io.samples(); ++n) {
    const auto cotangent = recording.whole_batch(grad.narrow(0, n, 1), io.first + n);
    const auto gradient = recording.backward(cotangent, {leaf}, true).front();
    if (!gradient.defined() || !gradient.requires_grad()) return {};
    const auto flat = gradient.flatten();
    TensorList hessian_rows;
    for (int64_t entry = 0; entry < flat.numel(); ++entry) {
      const auto row = torch::autograd::grad({flat[entry]}, {leaf}, {}, true, false, true).front();
      if (!row.defined()) return {};
      hessian_rows.push_back(row.flatten());
    }
    samples.push_back(at::stack(hessian_rows));
  }
  return at::stack(samples);
}

bool is_diagonal(const Tensor& matrices) {
  const auto diagonal = at::diag_embed(at::diagonal(matrices, 0, 1, 2));
  return matrices.equal(diagonal);
}

}  // namespace

LayerRule::~LayerRule() = default;

std::vector<NamedTensor> LayerRule::parameters() const {
  std::vector<NamedTensor> result;
  if (const auto owner = module())
    for (const auto& item : owner->named_parameters()) result.push_back({item.key(), item.value()});
  return result;
}

TensorList LayerRule::jac_t(const LayerIO& io, const Tensor& columns) const {
  const auto& recording = recording_of(*this, io);
  const auto leaves = recording.differentiable_inputs();
  std::vector<TensorList> by_leaf(leaves.size());
  for (const auto& column : columns.unbind(0)) {
    const auto gradients = recording.backward(recording.whole_batch(column, io.first), leaves);
    for (std::size_t i = 0; i < leaves.size(); ++i)
      by_leaf[i].push_back(rows(gradients[i], leaves[i], io.first, io.samples()));
  }
  TensorList result;
  std::size_t next = 0;
  for (const auto& input : recording.inputs)
    result.push_back(input.requires_grad() ? at::stack(by_leaf[next++]) : Tensor());
  return result;
}

TensorList LayerRule::jac_t_diagonal(const LayerIO& io, const Tensor& diagonal, int64_t first, int64_t count) const {
  return jac_t(io, written_out(diagonal, first, count));
}

Tensor LayerRule::param_jac_t(const LayerIO& io, const std::string& parameter, const Tensor& columns) const {
  switch (form(parameter)) {
    case ParamForm::weight: return from_affine(parameter, affine::columns(affine_columns(io, columns), affine_input(io)));
    case ParamForm::bias: return from_affine(parameter, affine_columns(io, columns).sum(2));
    case ParamForm::scale: return from_affine(parameter, affine::scale_columns(affine_columns(io, columns), affine_input(io)));
    case ParamForm::embedding:
    case ParamForm::general: break;
  }
  const auto& recording = recording_of(*this, io);
  const auto& leaf = recording.parameter(parameter);
  TensorList result;
  for (const auto& column : columns.unbind(0)) {
    TensorList samples;
    for (int64_t n = 0; n < column.size(0); ++n) {
      const auto cotangent = recording.whole_batch(column.narrow(0, n, 1), io.first + n);
      const auto gradient = recording.backward(cotangent, {leaf}).front();
      samples.push_back(gradient.defined() ? gradient : at::zeros_like(leaf.detach()));
    }
    result.push_back(at::stack(samples));
  }
  return at::stack(result);
}

Tensor LayerRule::sum_param_jac_t(const LayerIO& io, const std::string& parameter, const Tensor& columns) const {
  const auto total = columns.size(0) == 1 ? columns : columns.sum(0, true);
  switch (form(parameter)) {
    case ParamForm::weight: return from_affine(parameter, affine::sum(affine_columns(io, total), affine_input(io)));
    case ParamForm::bias: return from_affine(parameter, affine_columns(io, total).sum(c10::IntArrayRef{0, 1, 2}));
    case ParamForm::scale: return from_affine(parameter, (affine_columns(io, total)[0] * affine_input(io)).sum(c10::IntArrayRef{0, 1}));
    case ParamForm::embedding:
    case ParamForm::general: break;
  }
  if (!io.recording) return param_jac_t(io, parameter, total).sum(c10::IntArrayRef{0, 1});
  const auto& leaf = io.recording->parameter(parameter);
  const auto gradient = io.recording->backward(io.recording->whole_batch(total[0], io.first), {leaf}).front();
  return gradient.defined() ? gradient : at::zeros_like(leaf.detach());
}

Tensor LayerRule::sum_jac_t_mat_jac(const LayerIO& io, const Tensor& mat) const {
  const auto one_sample = [&](int64_t n) {
    const auto sample = io.narrow(n, 1);
    auto shape = sample.output.sizes().vec();
    shape.insert(shape.begin(), -1);
    const auto half = jac_t(sample, mat.reshape(shape)).front().flatten(1);  // [D_out, D_in]: M J
    return jac_t(sample, half.t().reshape(shape)).front().flatten(1).t();    // [D_in, D_in]: ((M J)^T J)^T
  };
  if (jacobian_is_constant()) return one_sample(0) * io.samples();
  auto sum = one_sample(0).clone();
  for (int64_t n = 1; n < io.samples(); ++n) sum += one_sample(n);
  return sum;
}

Residual LayerRule::residual(const LayerIO& io, const Tensor& grad) const {
  if (!is_curved()) return {};
  const auto& recording = recording_of(*this, io);
  const auto hessian = input_hessian(recording, io, grad);
  if (!hessian.defined()) return {};
  Residual residual;
  if (recording.inputs.size() == 1 && is_diagonal(hessian)) {
    residual.diagonal = at::diagonal(hessian, 0, 1, 2).reshape(recording.inputs[0].narrow(0, io.first, io.samples()).sizes());
    return residual;
  }
  residual = signed_factors(hessian);
  const auto joined = residual.factors.front();
  residual.factors.clear();
  int64_t offset = 0;
  for (const auto& input : recording.inputs) {
    if (!input.requires_grad()) { residual.factors.emplace_back(); continue; }
    const auto size = input.numel() / input.size(0);
    auto shape = input.sizes().vec();
    shape[0] = io.samples();
    shape.insert(shape.begin(), joined.size(0));
    residual.factors.push_back(joined.narrow(2, offset, size).reshape(shape));
    offset += size;
  }
  return residual;
}

Residual LayerRule::param_residual(const LayerIO& io, const std::string& parameter, const Tensor& grad) const {
  if (form(parameter) != ParamForm::general) return {};  // linear in the parameter
  const auto& recording = recording_of(*this, io);
  const auto hessian = parameter_hessian(recording, io, parameter, grad);
  if (!hessian.defined() || !hessian.ne(0).any().item<bool>()) return {};
  auto residual = signed_factors(hessian);
  auto shape = recording.parameter(parameter).sizes().vec();
  shape.insert(shape.begin(), {residual.factors.front().size(0), io.samples()});
  residual.factors.front() = residual.factors.front().reshape(shape);
  return residual;
}

ParamForm LayerRule::form(const std::string&) const { return ParamForm::general; }

Tensor LayerRule::affine_input(const LayerIO&) const {
  throw ComputeError("layer rule `" + type() + "`", "no affine_input", "one, where form() says weight");
}

Tensor LayerRule::affine_columns(const LayerIO&, const Tensor&) const {
  throw ComputeError("layer rule `" + type() + "`", "no affine_columns", "one, where form() says weight or bias");
}

Tensor LayerRule::from_affine(const std::string& parameter, const Tensor& value) const {
  const int64_t trailing = form(parameter) == ParamForm::weight ? 3 : 2;
  auto shape = value.sizes().slice(0, value.dim() - trailing).vec();
  for (const auto& candidate : parameters())
    if (candidate.name == parameter) shape.insert(shape.end(), candidate.value.sizes().begin(), candidate.value.sizes().end());
  return value.reshape(shape);
}

Tensor LayerRule::to_affine(const std::string& parameter, const Tensor& value, const std::vector<int64_t>& sizes) const {
  int64_t axes = 0;
  for (const auto& candidate : parameters())
    if (candidate.name == parameter) axes = candidate.value.dim();
  auto shape = value.sizes().slice(0, value.dim() - axes).vec();
  shape.insert(shape.end(), sizes.begin(), sizes.end());
  return value.reshape(shape);
}

}  // namespace backobs
