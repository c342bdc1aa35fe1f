// SPDX-License-Identifier: MIT
#include <backobs/error.h>
#include <backobs/loss.h>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

namespace backobs {
namespace {

TensorList narrow_all(const TensorList& tensors, int64_t first, int64_t count) {
  TensorList result;
  result.reserve(tensors.size());
  for (const auto& tensor : tensors) result.push_back(tensor.narrow(0, first, count));
  return result;
}

}  // namespace

LossIO LossIO::narrow(int64_t first, int64_t count) const {
  if (first == 0 && count == samples()) return *this;
  return {narrow_all(outputs, first, count), narrow_all(targets, first, count), batch_size, divisor,
          narrow_all(saved, first, count)};
}

LossRule::~LossRule() = default;

Tensor LossRule::individual(const LossIO& io, const Tensor& contributions) const {
  return reduction_ == LossReduction::mean ? contributions * io.batch_size : contributions;
}

TensorList LossRule::gradient(const LossIO& io) const {
  at::AutoGradMode grad(true);
  auto recorded = io;
  for (auto& output : recorded.outputs) output = output.detach().requires_grad_();
  return torch::autograd::grad({contributions(recorded).sum()}, recorded.outputs);
}

Tensor LossRule::summed_hessian(const LossIO& io, std::size_t output) const {
  const auto root = sqrt_hessian(io, 0, columns(io))[output];
  const auto rows = root.reshape({root.size(0) * root.size(1), -1});
  return rows.t().mm(rows);
}

Tensor LossRule::hits(const LossIO&) const {
  throw ComputeError("loss " + type(), "no accuracy", "has_accuracy() to be asked first");
}

}  // namespace backobs
