// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/layer.h>

#include "network/recording.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/module.h>

#include <algorithm>

namespace backobs {
namespace {

/// One number, seen in the old shape: what a rule may still ask for costs nothing.
void keep_shape(Tensor& tensor) {
  if (tensor.numel() > 1) tensor = tensor.new_empty(c10::IntArrayRef{}).expand(tensor.sizes());
}

void drop_unread_inputs(const LayerRule& rule, TensorList& inputs) {
  if (!rule.reads_inputs()) std::for_each(inputs.begin(), inputs.end(), keep_shape);
}

}  // namespace

Tensor Recording::whole_batch(const Tensor& cotangent, int64_t first) const {
  if (cotangent.size(0) == samples()) return cotangent;
  auto whole = at::zeros(output.sizes(), cotangent.options());
  whole.narrow(0, first, cotangent.size(0)).copy_(cotangent);
  return whole;
}

TensorList Recording::backward(const Tensor& cotangent, const TensorList& leaves, bool differentiable) const {
  if (!output.requires_grad() || leaves.empty()) return TensorList(leaves.size());
  return torch::autograd::grad({output}, leaves, {cotangent}, /*retain_graph=*/true, differentiable, /*allow_unused=*/true);
}

const Tensor& Recording::parameter(const std::string& name) const {
  for (const auto& candidate : parameters)
    if (candidate.name == name) return candidate.value;
  throw ComputeError("layer rule", "parameter `" + name + "`", "a parameter of the module");
}

TensorList Recording::differentiable_inputs() const {
  TensorList leaves;
  for (const auto& input : inputs)
    if (input.requires_grad()) leaves.push_back(input);
  return leaves;
}

RecordedLayer::RecordedLayer(std::shared_ptr<const LayerRule> rule, TensorList inputs, const ForwardContext& context)
    : rule_(std::move(rule)), inputs_(std::move(inputs)) {
  if (!rule_->records_graph()) {
    at::NoGradGuard no_grad;
    output_ = rule_->forward(inputs_, context, saved_);
    drop_unread_inputs(*rule_, inputs_);
    return;
  }
  at::AutoGradMode grad(true);
  recording_ = std::make_unique<Recording>();
  for (const auto& input : inputs_)
    recording_->inputs.push_back(input.detach().requires_grad_(input.is_floating_point()));
  recording_->parameters = rule_->parameters();
  recording_->output = rule_->forward(recording_->inputs, context, saved_);
  output_ = recording_->output.detach();
  for (auto& tensor : saved_) tensor = tensor.detach();
  drop_unread_inputs(*rule_, inputs_);
}

RecordedLayer::RecordedLayer(RecordedLayer&&) noexcept = default;
RecordedLayer& RecordedLayer::operator=(RecordedLayer&&) noexcept = default;
RecordedLayer::~RecordedLayer() = default;

void RecordedLayer::release_unread() {
  if (!rule_->reads_output()) keep_shape(output_);
}

LayerIO RecordedLayer::io(int64_t first, int64_t count) const {
  LayerIO whole{inputs_, output_, saved_, 0, recording_.get()};
  return first == 0 && count == whole.samples() ? whole : whole.narrow(first, count);
}

LayerIO LayerIO::narrow(int64_t offset, int64_t count) const {
  LayerIO part;
  part.first = first + offset;
  part.recording = recording;
  for (const auto& tensor : inputs) part.inputs.push_back(tensor.narrow(0, offset, count));
  part.output = output.narrow(0, offset, count);
  for (const auto& tensor : saved) part.saved.push_back(tensor.narrow(0, offset, count));
  return part;
}

void RecordedLayer::refuse_coupling(const ForwardContext& context) const {
  const auto refuse = [&] {
    throw ComputeError("node `" + std::string(context.node) + "` (" + rule_->type() + ")",
                       "an output of one sample that depends on other samples", "samples that pass independently");
  };
  if (rule_->couples_samples(context)) refuse();
  if (!recording_) return;
  // Two samples that differ in bit b lie on different sides of mask b, so log2(N) probes see every pair.
  const auto leaves = recording_->differentiable_inputs();
  auto generator = context.random.generator(Draw::probe, context.node);
  const auto cpu = recording_->output.options().device(at::kCPU).requires_grad(false);
  const auto positions = at::arange(recording_->samples(), recording_->output.options().dtype(at::kLong));
  for (int64_t bit = 1; bit < recording_->samples(); bit *= 2) {
    const auto side = positions.bitwise_and(bit).ne(0);
    for (const auto& probed : {side, side.logical_not()}) {
      auto shape = std::vector<int64_t>(recording_->output.dim(), 1);
      shape[0] = -1;
      const auto cotangent = at::rand(recording_->output.sizes(), generator, cpu).to(probed.device()) * probed.view(shape);
      for (const auto& gradient : recording_->backward(cotangent, leaves))
        if (gradient.defined() && gradient.index({probed.logical_not()}).ne(0).any().item<bool>()) refuse();
    }
  }
}

}  // namespace backobs
